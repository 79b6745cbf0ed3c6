/** Every error that this service raises on purpose: code → HTTP status and title. */
const table = {
  invalid_parameter: { status: 400, title: 'Invalid parameter' },
  bad_request: { status: 400, title: 'Bad request' },
  unknown_route: { status: 404, title: 'No such resource' },
  unknown_dataset: { status: 404, title: 'No such dataset' },
  unknown_split: { status: 404, title: 'No such split' },
  unknown_sample: { status: 404, title: 'No such sample' },
  unknown_version: { status: 404, title: 'No such version' },
  unknown_file: { status: 404, title: 'No such file' },
  page_out_of_range: { status: 404, title: 'No such page' },
  not_acceptable: { status: 406, title: 'Not acceptable' },
  content_too_large: { status: 413, title: 'Body too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable' },
  internal: { status: 500, title: 'Internal server error' },
  invalid_configuration: { status: 500, title: 'Invalid configuration' },
  invalid_file: { status: 503, title: 'A file is not what it should be' },
  source_unavailable: { status: 503, title: 'A source cannot give a file' },
  no_source: { status: 503, title: 'No source has the file' },
  cache_unwritable: { status: 503, title: 'The cache cannot be written' },
  artifact_unusable: { status: 503, title: 'An artifact is unusable' },
  backend_unavailable: { status: 503, title: 'A TensorFlow.js backend is not usable' },
  preparation_failed: { status: 503, title: 'Preparation failed' },
  overloaded: { status: 503, title: 'Too many requests at once' },
  dataset_loading: { status: 503, title: 'Dataset is still being prepared' },
  dataset_failed: { status: 503, title: 'Dataset is not available' }
} as const

export type ErrorCode = keyof typeof table

export interface ErrorOptions {
  readonly cause?: unknown
  /** Further members of the problem document (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>>
  /** Seconds after which the client may retry. */
  readonly retryAfter?: number
}

/** An error whose message is written for whoever made the request or started the service. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly members: Readonly<Record<string, unknown>>
  readonly retryAfter: number | undefined

  constructor (code: ErrorCode, detail: string, options: ErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ServiceError'
    this.code = code
    this.members = options.members ?? {}
    this.retryAfter = options.retryAfter
  }

  get status (): number { return table[this.code].status }
  get title (): string { return table[this.code].title }
}

/** The message of anything that was thrown. */
export function messageOf (thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
