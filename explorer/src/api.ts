import { signal } from '@preact/signals'
import { openStorage } from './storage.ts'

/** Where the page was loaded from, which may be below a path of a proxy. */
const base = new URL('.', document.baseURI)

const TOKEN_KEY = 'explorer-token'
const storage = openStorage(() => sessionStorage)

/** A key for servers that require one; stays in this tab. */
export const token = signal(storage.get(TOKEN_KEY) ?? '')
export const needsToken = signal(false)
/** Whether the server responded last time. */
export const isReachable = signal(true)
/** Incremented when everything must be loaded again. */
export const generation = signal(0)

export type Query = Readonly<Record<string, string | number | undefined>>

/** An error of the API, with the detail of its problem document. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  constructor (status: number, code: string, detail: string) {
    super(detail)
    this.status = status
    this.code = code
  }
}

/** The absolute address of a resource. */
export function urlOf (path: string, query: Query = {}): string {
  const url = new URL(path, base)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  // More readable, and as valid.
  url.search = url.search.replaceAll('%3A', ':').replaceAll('%2C', ',')
  return url.href
}

export async function request (path: string, query: Query = {}, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (token.value) headers.set('authorization', `Bearer ${token.value}`)
  let response: Response
  try {
    response = await fetch(urlOf(path, query), { ...init, headers })
  } catch (error) {
    if (!init.signal?.aborted) watchForReturn()
    throw error
  }
  if (response.ok) return response
  if (response.status === 401 || response.status === 403) needsToken.value = true
  const problem = await response.json().catch(() => ({}))
  throw new ApiError(response.status, problem.code ?? 'unknown', problem.detail ?? `status ${response.status}`)
}

export async function getJson<T> (path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await request(path, query, { headers: { accept: 'application/json' }, ...(signal && { signal }) })
  return await response.json()
}

export async function getBytes (path: string, query?: Query, init?: RequestInit): Promise<ArrayBuffer> {
  return await (await request(path, query, init)).arrayBuffer()
}

export function setToken (value: string): void {
  storage.set(TOKEN_KEY, value)
  token.value = value
  needsToken.value = false
  generation.value++
}

const PROBE_MS = 1000
let isWatching = false

/** Asks whether the server is there again, and has everything loaded anew when it is. */
async function watchForReturn (): Promise<void> {
  if (isWatching) return
  isWatching = true
  isReachable.value = false
  for (;;) {
    await new Promise(resolve => setTimeout(resolve, PROBE_MS))
    const isBack = await fetch(urlOf('healthz'), { cache: 'no-store' }).then(() => true, () => false)
    if (isBack) break
  }
  isWatching = false
  isReachable.value = true
  generation.value++
}
