import { createRequire } from 'node:module'

/** A request and its response: recorded and checked by the tests, shown in the docs. */
export interface Example {
  /** The operation of the OpenAPI document. */
  readonly operation: string
  /** State of the datasets at the time of the request. */
  readonly state: 'ready' | 'loading' | 'failed'
  /** GET by default. */
  readonly method?: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as `application/json` unless the headers say otherwise; a string is sent verbatim. */
  readonly body?: object | string
  readonly status: number
  /** Absent if the response has no body. */
  readonly mediaType?: string
  /** The JSON body with long lists shortened; of a binary body, a sentence with its size and hash. */
  readonly value?: unknown
}

interface ResponseObject {
  content?: Record<string, { examples?: Record<string, object> }>
  'x-examples'?: Record<string, object>
}

interface Operation {
  readonly operationId?: string
  readonly responses?: Record<string, ResponseObject>
}

interface Document {
  readonly paths?: Record<string, Readonly<Record<'get' | 'post', Operation | undefined>>>
}

export const examples: Example[] = createRequire(import.meta.url)('#openapi/examples.json')

/** Adds the examples to the responses of an OpenAPI document. */
export function addExamples (document: Document): void {
  const operations = Object.values(document.paths ?? {})
    .flatMap(({ get, post }) => [get, post])
    .filter(operation => operation !== undefined)
  for (const { operationId, responses } of operations) {
    for (const example of examples.filter(({ operation }) => operation === operationId)) {
      const response = responses?.[example.status]
      const target = example.mediaType === undefined ? response : response?.content?.[example.mediaType]
      if (!target) continue
      const key = example.mediaType === undefined ? 'x-examples' : 'examples'
      const list: Record<string, object> = (target as Record<string, Record<string, object>>)[key] ??= {}
      list[`example-${Object.keys(list).length + 1}`] = describe(example)
    }
  }
}

function describe ({ method = 'GET', state, url, headers, body, value }: Example): object {
  const given = Object.entries(headers ?? {}).map(([name, content]) => ` with ${name}: ${content}`).join('')
  const sent = body === undefined ? '' : ` of ${typeof body === 'string' ? body : JSON.stringify(body)}`
  return {
    summary: `${method} ${url}${sent}${given}${state === 'ready' ? '' : ` while ${state}`}`,
    ...(value !== undefined && { value })
  }
}
