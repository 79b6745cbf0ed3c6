import { signal, type Signal } from '@preact/signals'
import { request, urlOf, type Query } from './api.ts'

/** Sheets of thumbnails: many samples in one picture each, loaded on demand and forgotten again. */

export const SHEET_SAMPLES = 256
export const SHEET_COLUMNS = 16

export interface Sheet {
  /** A blob: address, or undefined until it is loaded. */
  readonly url: Signal<string | undefined>
  /** Its pixels, decoded in another thread; undefined until then, and unless a user asked for them. */
  readonly bitmap: Signal<ImageBitmap | undefined>
}

interface Entry extends Sheet {
  readonly path: string
  readonly query: Query
  /** Components that show it. */
  users: number
  needsBitmap: boolean
  blob: Blob | undefined
  controller: AbortController | undefined
}

const MAX_IDLE = 24
const MAX_REQUESTS = 3

/** In the order of their last use. */
const entries = new Map<string, Entry>()
/** Sheets to load; the last is needed most. */
let queue: Entry[] = []
let running = 0

/** The sheet of a request, to be given back with `releaseSheet`. */
export function useSheet (path: string, query: Query, needsBitmap = false): Sheet {
  const key = urlOf(path, query)
  let entry = entries.get(key)
  if (entry) entries.delete(key)
  else entry = createEntry(path, query)
  entries.set(key, entry)
  entry.users++
  if (needsBitmap && !entry.needsBitmap) {
    entry.needsBitmap = true
    if (entry.blob) decode(entry, entry.blob)
  }
  if (entry.url.peek() === undefined && !entry.controller) {
    queue = [...queue.filter(other => other !== entry), entry]
    loadNext()
  }
  return entry
}

function createEntry (path: string, query: Query): Entry {
  return {
    path,
    query,
    url: signal<string | undefined>(undefined),
    bitmap: signal<ImageBitmap | undefined>(undefined),
    users: 0,
    needsBitmap: false,
    blob: undefined,
    controller: undefined
  }
}

async function decode (entry: Entry, blob: Blob): Promise<void> {
  const bitmap = await createImageBitmap(blob)
  // It may have been forgotten meanwhile.
  if ([...entries.values()].includes(entry)) entry.bitmap.value = bitmap
  else bitmap.close()
}

export function releaseSheet (sheet: Sheet): void {
  const entry = sheet as Entry
  if (--entry.users > 0) return
  // Scrolled past before it was there.
  queue = queue.filter(other => other !== entry)
  entry.controller?.abort()
  trim()
}

function trim (): void {
  const idle = [...entries].filter(([, { users }]) => users === 0)
  for (const [key, { url, bitmap }] of idle.slice(0, Math.max(0, idle.length - MAX_IDLE))) {
    entries.delete(key)
    bitmap.peek()?.close()
    if (url.peek() !== undefined) URL.revokeObjectURL(url.peek()!)
  }
}

function loadNext (): void {
  while (running < MAX_REQUESTS && queue.length > 0) load(queue.pop()!)
}

async function load (entry: Entry): Promise<void> {
  running++
  const controller = entry.controller = new AbortController()
  try {
    const response = await request(entry.path, entry.query, { signal: controller.signal })
    const blob = await response.blob()
    entry.blob = blob
    entry.url.value = URL.createObjectURL(blob)
    if (entry.needsBitmap) await decode(entry, blob)
  } catch {
    // A lost server, about which the page has a notice, or a sheet that is no longer needed.
  } finally {
    entry.controller = undefined
    running--
    loadNext()
  }
}

/** Has sheets that failed loaded again. */
export function retrySheets (): void {
  queue = [...entries.values()].filter(({ users, url, controller }) => {
    return users > 0 && url.peek() === undefined && !controller
  })
  loadNext()
}
