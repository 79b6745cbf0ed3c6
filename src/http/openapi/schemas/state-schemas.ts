import { errorCodes } from '../../../errors.ts'
import { array, integer, number, object, oneOf, optional, string } from './json-schema.ts'

/** Bodies about the state of the service and its datasets, and about errors. */

export const Progress = object({
  stage: oneOf(['acquire', 'prepare']),
  item: string(),
  done: number(),
  total: number(),
  rate: optional(number({ description: 'Download rate in bytes per second.' })),
  remaining: optional(number({ description: 'Seconds left of the download at that rate.' }))
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
  version: string({ description: 'Version of the server.' }),
  description: string(),
  links: object({
    datasets: string(),
    health: string(),
    readiness: string(),
    openapi: string(),
    documentation: string()
  }, { description: 'Paths of the entry points.' })
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
  pages: optional(integer({ description: 'With `page_out_of_range`: the number of pages.' })),
  available: optional(array(object({ format: string(), media_type: string() }), {
    description: 'With `not_acceptable`: the available formats.'
  })),
  request_id: optional(string({ description: 'With `internal`: the id of the request in the log.' }))
}, { $id: 'Problem', additionalProperties: true, description: 'Problem details, RFC 9457.' })
