import { readFileSync } from 'node:fs'

/** A request and what was answered to it; recorded and checked by the tests, shown in the docs. */
export interface Example {
  /** Operation of the OpenAPI document that it belongs to. */
  readonly operation: string
  /** What its datasets are doing when the request comes. */
  readonly state: 'ready' | 'loading' | 'failed'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
  /** Absent where the answer has no body. */
  readonly mediaType?: string
  /** The JSON body, its long lists cut; or the size and hash of a binary one, in words. */
  readonly value?: unknown
}

interface ResponseObject {
  content?: Record<string, { examples?: Record<string, object> }>
  'x-examples'?: Record<string, object>
}

interface Document {
  readonly paths?: Record<string, { readonly get?: { readonly operationId?: string, readonly responses?: Record<string, ResponseObject> } }>
}

export const examples: Example[] = JSON.parse(readFileSync(new URL('../../openapi/examples.json', import.meta.url), 'utf8'))

/** Adds the examples to the responses of an OpenAPI document. */
export function addExamples (document: Document): void {
  for (const { get } of Object.values(document.paths ?? {})) {
    for (const example of examples.filter(({ operation }) => operation === get?.operationId)) {
      const response = get!.responses?.[example.status]
      const target = example.mediaType === undefined ? response : response?.content?.[example.mediaType]
      if (!target) continue
      const key = example.mediaType === undefined ? 'x-examples' : 'examples'
      const list: Record<string, object> = (target as Record<string, Record<string, object>>)[key] ??= {}
      list[`example-${Object.keys(list).length + 1}`] = describe(example)
    }
  }
}

function describe ({ state, url, headers, value }: Example): object {
  const given = Object.entries(headers ?? {}).map(([name, content]) => ` with ${name}: ${content}`).join('')
  return {
    summary: `GET ${url}${given}${state === 'ready' ? '' : ` while ${state}`}`,
    ...(value !== undefined && { value })
  }
}
