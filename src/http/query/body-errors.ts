import type { FastifySchemaValidationError } from 'fastify'
import { describeAllowed, type ValueSchema } from '../../io/describe-schema.ts'
import type { ParameterError } from './errors.ts'

/** Faults beyond these are not named: a list of thousands may be wrong in every element. */
const MAX_ERRORS = 10

interface Place { readonly name: string, readonly schema: ValueSchema, readonly value: unknown }

/** One entry for each part of a JSON body that is wrong: what is wrong with it, and what is allowed. */
export function bodyErrors (faults: readonly FastifySchemaValidationError[], schema: ValueSchema, body: unknown): ParameterError[] {
  const errors = new Map<string, ParameterError>()
  for (const fault of faults) {
    const error = errorOf(fault, schema, body)
    if (!errors.has(error.parameter)) errors.set(error.parameter, error)
    if (errors.size === MAX_ERRORS) break
  }
  return [...errors.values()]
}

function errorOf ({ instancePath, params }: FastifySchemaValidationError, schema: ValueSchema, body: unknown): ParameterError {
  const unknown = params['additionalProperty']
  if (typeof unknown === 'string') {
    return { parameter: unknown, detail: `${unknown} is not a member of the body`, allowed: Object.keys(schema.properties ?? {}).join(', ') }
  }
  const missing = params['missingProperty']
  const steps = instancePath.split('/').slice(1)
  if (typeof missing === 'string') steps.push(missing)
  const { name, schema: wanted, value } = steps.reduce(enter, { name: '', schema, value: body })
  const allowed = describeAllowed(wanted)
  return { parameter: name || 'body', detail: `${name || 'the body'} must be ${allowed}, got ${inShort(value)}`, allowed }
}

/** One step down a JSON pointer: `/ids/3` leads to `ids[3]`. */
function enter ({ name, schema, value }: Place, step: string): Place {
  return {
    name: schema.items ? `${name}[${step}]` : step,
    schema: schema.items ?? schema.properties![step]!,
    value: (value as Record<string, unknown>)[step]
  }
}

function inShort (value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  const text = JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
