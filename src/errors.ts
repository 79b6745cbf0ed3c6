import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

/** Every error that this service raises on purpose: code → HTTP status and title. */
const table = {
  invalid_parameter: { status: 400, title: 'Invalid parameter' },
  bad_request: { status: 400, title: 'Bad request' },
  unauthorized: { status: 401, title: 'API key required' },
  unknown_route: { status: 404, title: 'No such resource' },
  unknown_dataset: { status: 404, title: 'No such dataset' },
  unknown_split: { status: 404, title: 'No such split' },
  unknown_sample: { status: 404, title: 'No such sample' },
  unknown_version: { status: 404, title: 'No such version' },
  unknown_file: { status: 404, title: 'No such file' },
  no_map: { status: 404, title: 'Too many samples for a map' },
  page_out_of_range: { status: 404, title: 'No such page' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  not_acceptable: { status: 406, title: 'Not acceptable' },
  request_timeout: { status: 408, title: 'Request timeout' },
  content_too_large: { status: 413, title: 'Body too large' },
  uri_too_long: { status: 414, title: 'URI too long' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable' },
  expectation_failed: { status: 417, title: 'Expectation failed' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'Headers too large' },
  internal: { status: 500, title: 'Internal server error' },
  invalid_configuration: { status: 500, title: 'Invalid configuration' },
  invalid_file: { status: 503, title: 'Invalid file' },
  source_unavailable: { status: 503, title: 'Source unavailable' },
  no_source: { status: 503, title: 'No source has the file' },
  cache_unwritable: { status: 503, title: 'The cache cannot be written' },
  artifact_unusable: { status: 503, title: 'An artifact is unusable' },
  backend_unavailable: { status: 503, title: 'TensorFlow.js backend unusable' },
  preparation_failed: { status: 503, title: 'Preparation failed' },
  map_failed: { status: 503, title: 'The map cannot be computed' },
  unsupported_http_version: { status: 505, title: 'HTTP version not supported' },
  overloaded: { status: 503, title: 'Too many requests at once' },
  dataset_loading: { status: 503, title: 'Dataset is still being prepared' },
  dataset_failed: { status: 503, title: 'Dataset is not available' }
} as const

export type ErrorCode = keyof typeof table

export const errorCodes = Object.keys(table) as ErrorCode[]

export interface ErrorOptions {
  readonly cause?: unknown
  /** Further members of the problem document (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>>
  /** Seconds after which the client may retry. */
  readonly retryAfter?: number
  /** Further headers of the response. */
  readonly headers?: Readonly<Record<string, string>>
}

/** An error whose message is written for whoever made the request or started the service. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly members: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor (code: ErrorCode, detail: string, options: ErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ServiceError'
    this.code = code
    this.members = options.members ?? {}
    this.headers = {
      ...(options.retryAfter !== undefined && { 'retry-after': String(options.retryAfter) }),
      ...options.headers
    }
  }

  get status (): number { return table[this.code].status }
  get title (): string { return table[this.code].title }
}

const MAX_ECHO = 60

/** The start of a text that a client sent, for a message that repeats it: the text may be 16 KiB long. */
export function abbreviate (text: string): string {
  return text.length > MAX_ECHO ? `${text.slice(0, MAX_ECHO)}…` : text
}

/**
 * The message of anything that was thrown, in one line. Only that of a ServiceError is written for clients; others are
 * stripped of local paths, of hosts and ports, and of what an address contains besides scheme, host and path.
 */
export function messageOf (thrown: unknown): string {
  if (thrown instanceof ServiceError) return thrown.message
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return messageOf(thrown.errors[0])
  if (!(thrown instanceof Error)) return shorten(String(thrown))
  return describeSystemError(thrown) ?? shorten(thrown.message)
}

/** The name of a system error, what it stands for, and the system call; undefined for other errors. */
function describeSystemError ({ code, errno, syscall, message }: NodeJS.ErrnoException): string | undefined {
  const [, unnamed] = /^Unknown system error (-\d+)/.exec(message) ?? []
  if (syscall === undefined && unnamed === undefined) return undefined
  // Of the network: followed by an address.
  if (message.startsWith(`${syscall} ${code}`)) return `${syscall} ${code}`
  const number = errno ?? Number(unnamed)
  // Node names only the errors that libuv knows: neither EDQUOT nor ENOLCK, for example.
  const name = code?.startsWith('E')
    ? code
    : Object.entries(constants.errno).find(([, value]) => value === -number)?.[0] ?? `error ${-number}`
  const text = getSystemErrorMap().get(number)?.[1] ?? furtherErrors[name]
  const what = text === undefined ? name : `${name}: ${text}`
  return syscall === undefined ? what : `${what}, ${syscall}`
}

const furtherErrors: Readonly<Record<string, string>> = {
  EDQUOT: 'disk quota exceeded',
  ENOLCK: 'no locks available',
  ESTALE: 'stale file handle'
}

/** The first line of a message, without local paths, and with the public parts of addresses only. */
function shorten (message: string): string {
  return message.split('\n', 1)[0]!
    .replace(/\b(?:file:\/\/|(https?:\/\/))(?:[^\s/?#'"@]*@)?([^\s'"?#]*)[^\s'"]*/g, (_, scheme, rest: string) => {
      return scheme === undefined ? rest.slice(rest.lastIndexOf('/') + 1) : `${scheme}${rest}`
    })
    .replace(/(?<![^\s'"(=])\/(?:[^\s/'"]+\/)*([^\s/'"]*)/g, '$1')
    // How undici names the addresses that it tried, and TLS the host and its certificate.
    .replace(/ \((attempted address|connect)[^)]*\)/, '')
    .replace(/(does not match certificate's altnames).*/, '$1')
}
