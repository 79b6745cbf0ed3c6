import { Type } from 'typebox'

export const Problem = Type.Object({
  type: Type.String({ description: 'Stable identifier of the kind of problem.' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ parameter: Type.String(), detail: Type.String(), allowed: Type.String() })))
}, { $id: 'Problem', additionalProperties: true, description: 'Problem details, RFC 9457.' })
