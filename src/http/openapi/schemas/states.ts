import { Type } from 'typebox'

/** Bodies that say what there is, and how far it is. */

const ProgressBody = Type.Object({
  stage: Type.String({ description: '`acquire` or `prepare`.' }),
  item: Type.String(),
  done: Type.Number(),
  total: Type.Number(),
  rate: Type.Optional(Type.Number({ description: 'Of a download: bytes a second.' })),
  remaining: Type.Optional(Type.Number({ description: 'Seconds that the rest of a download will take at that rate.' }))
}, { description: 'How far loading is: bytes of a file, or samples.' })

export const Health = Type.Object({ status: Type.Literal('ok') })

export const Readiness = Type.Object({
  status: Type.Enum(['ready', 'loading', 'failed']),
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    status: Type.Enum(['ready', 'loading', 'failed']),
    progress: Type.Optional(ProgressBody),
    reason: Type.Optional(Type.String())
  }))
})

export const DatasetList = Type.Object({
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    title: Type.String(),
    status: Type.Enum(['ready', 'loading', 'failed']),
    version: Type.Optional(Type.String()),
    progress: Type.Optional(ProgressBody),
    reason: Type.Optional(Type.String({ description: 'Why it failed.' })),
    url: Type.String()
  })),
  limits: Type.Object({ default_batch_size: Type.Integer(), max_batch_size: Type.Integer() }),
  formats: Type.Array(Type.Object({ name: Type.String(), media_type: Type.String() }))
})
