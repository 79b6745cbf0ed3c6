import { Type } from 'typebox'

/** Bodies about the state of the service and its datasets, and about errors. */

const ProgressBody = Type.Object({
  stage: Type.String({ description: '`acquire` or `prepare`.' }),
  item: Type.String(),
  done: Type.Number(),
  total: Type.Number(),
  rate: Type.Optional(Type.Number({ description: 'Of a download: bytes per second.' })),
  remaining: Type.Optional(Type.Number({ description: 'Seconds until the end of a download at that rate.' }))
}, { description: 'Progress of loading, in bytes of a file or in samples.' })

const Status = Type.Enum(['ready', 'loading', 'failed'])

const Failure = {
  reason: Type.Optional(Type.String({ description: 'Why loading failed.' })),
  attempts: Type.Optional(Type.Integer({ description: 'Number of failures so far.' })),
  next_attempt: Type.Optional(Type.String({
    format: 'date-time',
    description: 'Earliest time of the next attempt; absent while one is running.'
  }))
}

export const Health = Type.Object({ status: Type.Literal('ok') })

export const Readiness = Type.Object({
  status: Type.Enum(['ready', 'loading', 'failed', 'stopping']),
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    status: Status,
    progress: Type.Optional(ProgressBody),
    ...Failure
  }))
})

export const DatasetList = Type.Object({
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    title: Type.String(),
    status: Status,
    version: Type.Optional(Type.String()),
    progress: Type.Optional(ProgressBody),
    ...Failure,
    url: Type.String()
  })),
  limits: Type.Object({ default_batch_size: Type.Integer(), max_batch_size: Type.Integer() }),
  formats: Type.Array(Type.Object({ name: Type.String(), media_type: Type.String() }))
})

export const Problem = Type.Object({
  type: Type.String({ description: 'Stable identifier of the kind of problem.' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({
    parameter: Type.String(),
    detail: Type.String(),
    allowed: Type.String()
  }))),
  omitted_errors: Type.Optional(Type.Integer({ description: 'Number of errors beyond those listed.' }))
}, { $id: 'Problem', additionalProperties: true, description: 'Problem details, RFC 9457.' })
