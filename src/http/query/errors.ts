import type { FastifySchemaValidationError } from 'fastify'
import { describeAllowed, type ValueSchema } from '../../io/describe-schema.ts'
import { ServiceError } from '../../errors.ts'

interface ObjectSchema { readonly properties?: Readonly<Record<string, ValueSchema>> }

export interface ParameterError {
  readonly parameter: string
  readonly detail: string
  readonly allowed: string
}

/**
 * Turns the declared integers of a query or path into numbers, in place. Only plain decimal digits count:
 * `1e3`, `0x10`, `1.0` and ` 1` stay what they are, and are refused by the validation.
 */
export function readIntegers (values: Record<string, unknown>, schema: ObjectSchema | undefined): void {
  for (const name in values) {
    const value = values[name]
    if (schema?.properties?.[name]?.type === 'integer' && typeof value === 'string' && /^(0|-?[1-9]\d{0,14})$/.test(value)) values[name] = Number(value)
  }
}

/** @throws ServiceError invalid_parameter, where there are errors */
export function refuse (errors: readonly ParameterError[], cause?: unknown): void {
  if (errors.length > 0) throw new ServiceError('invalid_parameter', errors.map(({ detail }) => detail).join('; '), { cause, members: { errors } })
}

/** One entry for each parameter that is wrong: what is wrong with it, and what is allowed. */
export function parameterErrors (faults: readonly FastifySchemaValidationError[], schema: ObjectSchema, values: Readonly<Record<string, unknown>>): ParameterError[] {
  const properties = schema.properties ?? {}
  const errors = new Map<string, ParameterError>()
  for (const fault of faults) {
    const unknown = fault.params['additionalProperty'] as string | undefined
    const parameter = unknown ?? fault.instancePath.slice(1)
    if (errors.has(parameter)) continue
    if (unknown !== undefined) {
      const names = Object.keys(properties)
      errors.set(parameter, { parameter, detail: `${parameter} is not a parameter of this resource`, allowed: names.join(', ') || 'no parameters' })
    } else {
      const allowed = describeAllowed(properties[parameter] ?? {})
      const value = values[parameter]
      const detail = Array.isArray(value) ? `${parameter} is given ${value.length} times` : `${parameter} must be ${allowed}, got '${value}'`
      errors.set(parameter, { parameter, detail, allowed })
    }
  }
  return [...errors.values()]
}
