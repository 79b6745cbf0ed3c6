import type { FastifyPluginAsync, FastifyPluginOptions, FastifyTypeProvider, RawServerDefault } from 'fastify'
import type { XStatic } from 'typebox/schema'

/** Infers the types of parameters, queries and bodies from the JSON Schema of a route. */
export interface SchemaTypes extends FastifyTypeProvider {
  validator: XStatic<this['schema']>
  serializer: XStatic<this['schema']>
}

/** Adds routes to the app. */
export type Routes<Options extends FastifyPluginOptions> = FastifyPluginAsync<Options, RawServerDefault, SchemaTypes>
