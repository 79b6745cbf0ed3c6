import { Type } from 'typebox'
import { errorCodes } from '../../../errors.ts'

/** Bodies about the state of the service and its datasets, and about errors. */

export const Progress = Type.Object({
  stage: Type.Enum(['acquire', 'prepare'], { type: 'string' }),
  item: Type.String(),
  done: Type.Number(),
  total: Type.Number(),
  rate: Type.Optional(Type.Number({ description: 'Of a download: bytes per second.' })),
  remaining: Type.Optional(Type.Number({ description: 'Seconds until the end of a download at that rate.' }))
}, { $id: 'Progress', description: 'Progress of loading, in bytes of a file or in samples.' })

const OptionalProgress = Type.Optional(Type.Unsafe({ $ref: 'Progress#' }))

const Failure = {
  reason: Type.Optional(Type.String({ description: 'Why loading failed.' })),
  attempts: Type.Optional(Type.Integer({ description: 'Number of failures so far.' })),
  next_attempt: Type.Optional(Type.String({
    format: 'date-time',
    description: 'Earliest time of the next attempt; absent while one is running.'
  }))
}

const Status = Type.Enum(['ready', 'loading', 'failed'], { type: 'string' })

export const Health = Type.Object({ status: Type.Literal('ok') }, { $id: 'Health' })

export const Readiness = Type.Object({
  status: Type.Enum(['ready', 'loading', 'failed', 'stopping'], { type: 'string' }),
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    status: Status,
    progress: OptionalProgress,
    ...Failure
  }))
}, { $id: 'Readiness' })

export const DatasetList = Type.Object({
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    title: Type.String(),
    status: Status,
    version: Type.Optional(Type.String()),
    progress: OptionalProgress,
    ...Failure,
    url: Type.String()
  })),
  limits: Type.Object({ default_batch_size: Type.Integer(), max_batch_size: Type.Integer() }),
  formats: Type.Array(Type.Object({ name: Type.String(), media_type: Type.String() }))
}, { $id: 'DatasetList' })

export const Problem = Type.Object({
  type: Type.String({ description: 'Stable identifier of the kind of problem.' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.Enum([...errorCodes], { type: 'string', description: 'The kind of problem.' }),
  errors: Type.Optional(Type.Array(Type.Object({
    parameter: Type.String(),
    detail: Type.String(),
    allowed: Type.String()
  }), { description: 'Each invalid parameter, or part of a body.' })),
  omitted_errors: Type.Optional(Type.Integer({ description: 'Number of errors beyond those listed.' })),
  progress: OptionalProgress,
  pages: Type.Optional(Type.Integer({ description: 'Of `page_out_of_range`: how many pages there are.' })),
  available: Type.Optional(Type.Array(Type.Object({ format: Type.String(), media_type: Type.String() }), {
    description: 'Of `not_acceptable`: the formats that there are.'
  })),
  request_id: Type.Optional(Type.String({ description: 'Of `internal`: the id of the request in the log.' }))
}, { $id: 'Problem', additionalProperties: true, description: 'Problem details, RFC 9457.' })
