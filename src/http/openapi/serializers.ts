import { SerializerSelector, type SerializerFactory } from '@fastify/fast-json-stringify-compiler'

/** Compiles every response schema once. Fastify would compile it again for each route and status that returns it. */
export const buildSerializer: SerializerFactory = (...shared) => {
  const compile = SerializerSelector()(...shared)
  const serializers = new Map<string, ReturnType<typeof compile>>()
  return route => {
    const schema = JSON.stringify(route.schema)
    const serializer = serializers.get(schema) ?? compile(route)
    serializers.set(schema, serializer)
    return serializer
  }
}
