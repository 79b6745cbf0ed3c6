import type { FastifyPluginAsync, FastifyPluginOptions, FastifyTypeProvider, RawServerDefault } from 'fastify'
import type { XStatic } from 'typebox/schema'

/** Constructors of JSON Schema whose types TypeBox infers. Its own would add 0.1 s to every start. */

export function string<const Options extends object> (options?: Options) {
  return { type: 'string', ...options } as { type: 'string' } & Options
}

export function integer<const Options extends object> (options?: Options) {
  return { type: 'integer', ...options } as { type: 'integer' } & Options
}

export function number (options?: object) {
  return { type: 'number', ...options } as const
}

export function boolean (options?: object) {
  return { type: 'boolean', ...options } as const
}

/** One of these strings. */
export function oneOf<const Values extends readonly string[]> (values: Values, options?: object) {
  return { type: 'string', enum: values, ...options } as const
}

/** Anything that one of these schemas describes. */
export function union (schemas: readonly object[], options?: object) {
  return { anyOf: schemas, ...options } as const
}

export function array<Items extends object> (items: Items, options?: object) {
  return { type: 'array', items, ...options } as const
}

const isOptional = Symbol('optional')

/** A property that an object may lack. */
export function optional<Schema extends object> (schema: Schema) {
  return { ...schema, [isOptional]: true }
}

export function object<Properties extends Record<string, object>> (properties: Properties, options?: object) {
  const required = Object.keys(properties).filter(name => !(isOptional in properties[name]!))
  return { type: 'object', required, properties, ...options } as const
}

/** Parameters of which each may be left out; any other is an error. */
export function query<Properties extends object> (properties: Properties) {
  return { type: 'object', properties, additionalProperties: false } as const
}

/** Infers the types of parameters, queries and bodies from the JSON Schema of a route. */
export interface SchemaTypes extends FastifyTypeProvider {
  validator: XStatic<this['schema']>
  serializer: XStatic<this['schema']>
}

/** Adds routes to the app. */
export type Routes<Options extends FastifyPluginOptions> = FastifyPluginAsync<Options, RawServerDefault, SchemaTypes>
