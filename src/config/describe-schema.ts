/** The subset of JSON Schema that parameters, bodies and settings use. */
export interface ValueSchema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMaximum?: number
  readonly items?: ValueSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, ValueSchema>>
}

/** Describes the allowed values for the end of a sentence: `an integer from 1 to 4096`. */
export function describeAllowed (schema: ValueSchema): string {
  if (schema.enum) return `one of ${schema.enum.join(', ')}`
  if (schema.items) return `a list of ${schema.minItems} to ${schema.maxItems}, each ${describeAllowed(schema.items)}`
  if (schema.properties) return `an object with ${Object.keys(schema.properties).join(', ')}`
  const noun = schema.type === 'integer' ? 'an integer' : `a ${schema.type}`
  const { minimum, maximum, exclusiveMaximum } = schema
  if (exclusiveMaximum !== undefined) return `${noun} from ${minimum} up to but not including ${exclusiveMaximum}`
  if (maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`
  return minimum === undefined ? noun : `${noun} of at least ${minimum}`
}
