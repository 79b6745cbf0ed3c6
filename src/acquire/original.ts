import { tmpdir } from 'node:os'
import type { FileEntry } from '../dataset/entry.ts'
import type { GzipHeader } from '../gzip/gzip.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { sha256Of } from '../io/hash.ts'
import { acquireFile, type AcquireOptions, type Verified } from './acquire.ts'
import { keptFile, namelessFile, type KeptFile } from './kept-file.ts'

export interface BringOptions<File extends Verified> extends Omit<AcquireOptions<File>, 'report'> {
  /** Compresses as `gzip -6` does, off the event loop. The content is not used afterwards. */
  readonly gzip: (content: Uint8Array, header?: GzipHeader) => Promise<Uint8Array>
}

export interface Brought {
  readonly kept: KeptFile
  readonly sha256: string
  /** Whether it has the publisher's own bytes. */
  readonly original: boolean
}

/**
 * The content of a file: from the cache, or as `acquire` brings it.
 *
 * @param sha256 of the content, as it was found when the dataset was prepared
 */
export async function bringContent<File extends Verified> (file: FileEntry, sha256: string, options: BringOptions<File>): Promise<Brought> {
  const there = await cached(file, sha256, options)
  if (there) return { kept: there, sha256, original: true }
  const { file: found } = await acquireFile(file, { ...options, report: () => {} })
  return { kept: await keep(file.name, found.content, found.sha256, options), sha256: found.sha256, original: true }
}

/** The gzip of a file: the publisher's own where it is at hand or can be made again, else ours. Made by one process at a time. */
export async function bringGzip<File extends Verified> (file: FileEntry, contentSha256: string, options: BringOptions<File>): Promise<Brought> {
  return await publishers() ?? await options.cache.exclusively(`${contentSha256}.gz`, options, async () => await publishers() ?? await make())

  async function publishers (): Promise<Brought | undefined> {
    const kept = file.gzip && await cached(file, file.gzip.sha256, options)
    return kept && { kept, sha256: file.gzip!.sha256, original: true }
  }

  async function make (): Promise<Brought> {
    const { file: found } = await acquireFile(file, { ...options, report: () => {} })
    const bytes = found.gzip ?? await options.gzip(found.content, file.gzip?.header)
    const sha256 = await sha256Of(bytes)
    const original = found.gzip !== undefined || sha256 === file.gzip?.sha256
    if (!original && file.gzip?.header) options.warn(`${file.name}.gz cannot be made again: it would have SHA-256 ${sha256}, expected ${file.gzip.sha256}`)
    return { kept: await keep(`${file.name}.gz`, bytes, sha256, options), sha256, original }
  }
}

async function cached<File extends Verified> (file: FileEntry, sha256: string, { cache, warn }: BringOptions<File>): Promise<KeptFile | undefined> {
  try {
    return await keptFile(cache.path(sha256), sha256)
  } catch (error) {
    warn(`${file.name} from ${cache.name}: ${messageOf(error)}`)
    if (error instanceof ServiceError) await cache.setAside(file).catch((error: Error) => warn(error.message))
    return undefined
  }
}

/** Puts bytes where they can be read in parts: in the cache, or where it cannot be written, in a file that ends with the process. */
async function keep<File extends Verified> (name: string, bytes: Uint8Array, sha256: string, { cache, warn }: BringOptions<File>): Promise<KeptFile> {
  const path = cache.path(sha256)
  try {
    const kept = await keptFile(path, sha256).catch(() => undefined)
    if (kept) return kept
    await cache.write(sha256, name, bytes)
    return (await keptFile(path, sha256))!
  } catch (error) {
    warn(messageOf(error))
    return await namelessFile(tmpdir(), name, bytes)
  }
}
