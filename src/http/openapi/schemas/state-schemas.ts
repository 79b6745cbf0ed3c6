import { errorCodes } from '../../../errors.ts'
import { array, integer, number, object, oneOf, optional, string } from './json-schema.ts'

/** Bodies about the state of the service and its datasets, and about errors. */

export const Progress = object({
  stage: oneOf(['acquire', 'prepare']),
  item: string(),
  done: number(),
  total: number(),
  rate: optional(number({ description: 'Of a download: bytes per second.' })),
  remaining: optional(number({ description: 'Seconds until the end of a download at that rate.' }))
}, { $id: 'Progress', description: 'Progress of loading, in bytes of a file or in samples.' })

const OptionalProgress = optional({ $ref: 'Progress#' })

const Failure = {
  reason: optional(string({ description: 'Why loading failed.' })),
  attempts: optional(integer({ description: 'Number of failures so far.' })),
  next_attempt: optional(string({
    format: 'date-time',
    description: 'Earliest time of the next attempt; absent while one is running.'
  }))
}

const Status = oneOf(['ready', 'loading', 'failed'])

export const Service = object({
  name: string(),
  version: string({ description: 'Of the software.' }),
  description: string(),
  links: object({
    datasets: string(),
    health: string(),
    readiness: string(),
    openapi: string(),
    documentation: string()
  }, { description: 'Paths of the resources to begin with.' })
}, { $id: 'Service' })

export const Health = object({ status: oneOf(['ok']) }, { $id: 'Health' })

export const Readiness = object({
  status: oneOf(['ready', 'loading', 'failed', 'stopping']),
  datasets: array(object({
    name: string(),
    status: Status,
    progress: OptionalProgress,
    ...Failure
  }))
}, { $id: 'Readiness' })

export const DatasetList = object({
  datasets: array(object({
    name: string(),
    title: string(),
    status: Status,
    version: optional(string()),
    progress: OptionalProgress,
    ...Failure,
    url: string()
  })),
  limits: object({ default_batch_size: integer(), max_batch_size: integer() }),
  formats: array(object({ name: string(), media_type: string() }))
}, { $id: 'DatasetList' })

export const Problem = object({
  type: string({ description: 'Stable identifier of the kind of problem.' }),
  title: string(),
  status: integer(),
  detail: string(),
  code: oneOf(errorCodes, { description: 'The kind of problem.' }),
  errors: optional(array(object({
    parameter: string(),
    detail: string(),
    allowed: string()
  }), { description: 'Each invalid parameter, or part of a body.' })),
  omitted_errors: optional(integer({ description: 'Number of errors beyond those listed.' })),
  progress: OptionalProgress,
  pages: optional(integer({ description: 'Of `page_out_of_range`: how many pages there are.' })),
  available: optional(array(object({ format: string(), media_type: string() }), {
    description: 'Of `not_acceptable`: the formats that there are.'
  })),
  request_id: optional(string({ description: 'Of `internal`: the id of the request in the log.' }))
}, { $id: 'Problem', additionalProperties: true, description: 'Problem details, RFC 9457.' })
