import type { FastifySchemaValidationError } from 'fastify'
import { describeAllowed, type ValueSchema } from '../../config/describe-schema.ts'
import { abbreviate, ServiceError } from '../../errors.ts'

/** What is wrong with one parameter, or one member of a body, and which values are allowed. */
export interface ParameterError {
  readonly parameter: string
  readonly detail: string
  readonly allowed: string
}

interface ObjectSchema { readonly properties?: Readonly<Record<string, ValueSchema>> }

/** Faults that a response lists at most: a query may have thousands of parameters, and a body a long list. */
const MAX_ERRORS = 10

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

/** Faults of a query or body that validation does not see. */
const prunedFaults = new WeakMap<object, number>()

/**
 * Removes all but the first unknown members, and replaces all but the first invalid items of lists of integers:
 * validation, which fails all the same, would take long to list thousands.
 *
 * @param values a query or body
 */
export function pruneFaults (values: unknown, schema: ValueSchema): void {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return
  const members = values as Record<string, unknown>
  let faults = 0
  for (const name in members) {
    const property = schema.properties?.[name]
    const value = members[name]
    if (!property && ++faults > MAX_ERRORS) delete members[name]
    if (property?.items?.type !== 'integer' || !Array.isArray(value)) continue
    for (let i = 0; i < value.length; i++) {
      if ((!Number.isInteger(value[i]) || value[i] < 0) && ++faults > MAX_ERRORS) value[i] = 0
    }
  }
  if (faults > MAX_ERRORS) prunedFaults.set(values, faults - MAX_ERRORS)
}

/** @throws ServiceError invalid_parameter if there are any errors */
export function assertNoErrors (errors: readonly ParameterError[]): void {
  if (errors.length > 0) throw invalidParameter({ errors, omitted: 0 })
}

/** The faults of a request: the first ones, and the number of the others. */
export interface ParameterErrors {
  readonly errors: readonly ParameterError[]
  readonly omitted: number
}

export function invalidParameter ({ errors, omitted }: ParameterErrors, cause?: unknown): ServiceError {
  const details = errors.map(({ detail }) => detail)
  if (omitted > 0) details.push(`and ${omitted} more`)
  const members = { errors, ...(omitted > 0 && { omitted_errors: omitted }) }
  return new ServiceError('invalid_parameter', details.join('; '), { cause, members })
}

/** Describes the first faults, one of each parameter. */
function describeFirst (
  faults: readonly FastifySchemaValidationError[],
  values: unknown,
  describe: (fault: FastifySchemaValidationError) => ParameterError
): ParameterErrors {
  const first = new Map<string, FastifySchemaValidationError>()
  for (const fault of faults) {
    const { additionalProperty, missingProperty } = fault.params
    const parameter = `${fault.instancePath}/${additionalProperty ?? missingProperty ?? ''}`.replace(/\/$/, '')
    if (!first.has(parameter)) first.set(parameter, fault)
  }
  const errors = [...first.values()].slice(0, MAX_ERRORS).map(describe)
  return { errors, omitted: first.size - errors.length + (prunedFaults.get(values as object) ?? 0) }
}

/** One entry for each invalid parameter of a query or path, up to a limit. */
export function describeParameterErrors (
  faults: readonly FastifySchemaValidationError[],
  schema: ObjectSchema,
  values: Readonly<Record<string, unknown>>
): ParameterErrors {
  const properties = schema.properties ?? {}
  return describeFirst(faults, values, ({ params, instancePath }) => {
    const unknown = params['additionalProperty'] as string | undefined
    const name = unknown ?? instancePath.slice(1)
    const parameter = abbreviate(name)
    if (unknown !== undefined) {
      const allowed = Object.keys(properties).join(', ') || 'no parameters'
      return { parameter, detail: `${parameter} is not a parameter of this resource`, allowed }
    }
    const allowed = describeAllowed(properties[name] ?? {})
    const value = values[name]
    const detail = Array.isArray(value)
      ? `${parameter} is given ${value.length} times`
      : `${parameter} must be ${allowed}, got '${abbreviate(String(value))}'`
    return { parameter, detail, allowed }
  })
}

/** One entry for each invalid part of a JSON body, up to a limit. */
export function describeBodyErrors (
  faults: readonly FastifySchemaValidationError[],
  schema: ValueSchema,
  body: unknown
): ParameterErrors {
  return describeFirst(faults, body, fault => describeBodyError(fault, schema, body))
}

function describeBodyError (
  { instancePath, params }: FastifySchemaValidationError,
  schema: ValueSchema,
  body: unknown
): ParameterError {
  const unknown = params['additionalProperty']
  if (typeof unknown === 'string') {
    const parameter = abbreviate(unknown)
    const allowed = Object.keys(schema.properties ?? {}).join(', ')
    return { parameter, detail: `${parameter} is not a member of the body`, allowed }
  }
  const missing = params['missingProperty']
  const steps = instancePath.split('/').slice(1)
  if (typeof missing === 'string') steps.push(missing)
  const { name, schema: expected, value } = steps.reduce(enter, { name: '', schema, value: body })
  const allowed = describeAllowed(expected)
  const detail = `${name || 'the body'} must be ${allowed}, got ${describeValue(value)}`
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

function describeValue (value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  return abbreviate(JSON.stringify(value))
}
