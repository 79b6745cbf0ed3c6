import type { FastifySchemaValidationError } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { describeAllowed, type ValueSchema } from '../../io/describe-schema.ts'

/** What is wrong with one parameter, or one member of a body, and which values are allowed. */
export interface ParameterError {
  readonly parameter: string
  readonly detail: string
  readonly allowed: string
}

interface ObjectSchema { readonly properties?: Readonly<Record<string, ValueSchema>> }

/** Faults of a body that a response lists at most: every element of a long list may be wrong. */
const MAX_BODY_ERRORS = 10

/**
 * Converts the integer parameters of a query or path to numbers, in place. Only plain decimal digits are converted:
 * `1e3`, `0x10`, `1.0` and ` 1` stay strings, which validation then rejects.
 */
export function parseIntegers (values: Record<string, unknown>, schema: ObjectSchema | undefined): void {
  for (const name in values) {
    const value = values[name]
    const isInteger = schema?.properties?.[name]?.type === 'integer'
    if (isInteger && typeof value === 'string' && /^(0|-?[1-9]\d{0,14})$/.test(value)) values[name] = Number(value)
  }
}

/** @throws ServiceError invalid_parameter if there are any errors */
export function assertNoErrors (errors: readonly ParameterError[], cause?: unknown): void {
  if (errors.length === 0) return
  const detail = errors.map(({ detail }) => detail).join('; ')
  throw new ServiceError('invalid_parameter', detail, { cause, members: { errors } })
}

/** One entry for each invalid parameter of a query or path. */
export function describeParameterErrors (
  faults: readonly FastifySchemaValidationError[],
  schema: ObjectSchema,
  values: Readonly<Record<string, unknown>>
): ParameterError[] {
  const properties = schema.properties ?? {}
  const errors = new Map<string, ParameterError>()
  for (const { params, instancePath } of faults) {
    const unknown = params['additionalProperty'] as string | undefined
    const parameter = unknown ?? instancePath.slice(1)
    if (errors.has(parameter)) continue
    if (unknown !== undefined) {
      const allowed = Object.keys(properties).join(', ') || 'no parameters'
      errors.set(parameter, { parameter, detail: `${parameter} is not a parameter of this resource`, allowed })
    } else {
      const allowed = describeAllowed(properties[parameter] ?? {})
      const value = values[parameter]
      const detail = Array.isArray(value)
        ? `${parameter} is given ${value.length} times`
        : `${parameter} must be ${allowed}, got '${value}'`
      errors.set(parameter, { parameter, detail, allowed })
    }
  }
  return [...errors.values()]
}

/** One entry for each invalid part of a JSON body, up to a limit. */
export function describeBodyErrors (
  faults: readonly FastifySchemaValidationError[],
  schema: ValueSchema,
  body: unknown
): ParameterError[] {
  const errors = new Map<string, ParameterError>()
  for (const fault of faults) {
    const error = describeBodyError(fault, schema, body)
    if (!errors.has(error.parameter)) errors.set(error.parameter, error)
    if (errors.size === MAX_BODY_ERRORS) break
  }
  return [...errors.values()]
}

function describeBodyError (
  { instancePath, params }: FastifySchemaValidationError,
  schema: ValueSchema,
  body: unknown
): ParameterError {
  const unknown = params['additionalProperty']
  if (typeof unknown === 'string') {
    const allowed = Object.keys(schema.properties ?? {}).join(', ')
    return { parameter: unknown, detail: `${unknown} is not a member of the body`, allowed }
  }
  const missing = params['missingProperty']
  const steps = instancePath.split('/').slice(1)
  if (typeof missing === 'string') steps.push(missing)
  const { name, schema: expected, value } = steps.reduce(enter, { name: '', schema, value: body })
  const allowed = describeAllowed(expected)
  const detail = `${name || 'the body'} must be ${allowed}, got ${abbreviate(value)}`
  return { parameter: name || 'body', detail, allowed }
}

interface Member { readonly name: string, readonly schema: ValueSchema, readonly value: unknown }

/** One step down a JSON pointer: `/ids/3` leads to `ids[3]`. */
function enter ({ name, schema, value }: Member, step: string): Member {
  return {
    name: schema.items ? `${name}[${step}]` : step,
    schema: schema.items ?? schema.properties![step]!,
    value: (value as Record<string, unknown>)[step]
  }
}

function abbreviate (value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  const text = JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
