import type { DatasetEntry, FileEntry } from '../dataset/entry.ts'
import type { FileProvenance } from '../dataset/originals.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { fileInMemory, type VerifiedFile } from '../decode/dataset-format.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import type { Source } from './source.ts'
import { verifyFile, type VerifiedBytes } from './verify-file.ts'

export interface AcquireOptions {
  readonly cache: FileCache
  /** Tried in order, after the cache. */
  readonly sources: readonly Source[]
  readonly signal: AbortSignal
  readonly report: ReportProgress
  /** Called with one line per failed source and per cache problem. */
  readonly warn: (message: string) => void
}

/** The bytes of a verified file, and the source it came from. */
export interface AcquiredFile {
  readonly file: VerifiedBytes
  readonly source: Source
}

export interface AcquiredDataset {
  readonly files: readonly VerifiedFile[]
  readonly provenance: readonly FileProvenance[]
}

/**
 * Acquires all files of a dataset, each from the first source whose bytes pass verification. Files from the network are
 * locked meanwhile, so that concurrent callers and processes wait and then find them in the cache.
 *
 * @throws ServiceError no_source, with the reason of each source
 */
export async function acquire (entry: DatasetEntry, options: AcquireOptions): Promise<AcquiredDataset> {
  const files: VerifiedFile[] = []
  const provenance: FileProvenance[] = []
  for (const declared of entry.files) {
    const { name } = declared
    const { file: { content, sha256, gzip }, source } = await acquireFile(declared, options)
    files.push(fileInMemory(name, content))
    provenance.push({ name, bytes: content.length, sha256, source: source.name, gzipped: gzip !== undefined })
  }
  return { files, provenance }
}

/** Acquires a single file, as `acquire` does. */
export async function acquireFile (entry: FileEntry, options: AcquireOptions): Promise<AcquiredFile> {
  const { cache, sources, signal, warn } = options
  const key = entry.sha256 ?? entry.gzip?.sha256
  const read = () => readFirstValid(entry, options)
  const lockable = key !== undefined && sources.some(source => source.remote)
  return await (lockable ? cache.withLock(key, { signal, warn }, read) : read())
}

async function readFirstValid (entry: FileEntry, options: AcquireOptions): Promise<AcquiredFile> {
  const { cache, sources, signal, report, warn } = options
  const reasons: string[] = []
  for (const source of [cache, ...sources] as Source[]) {
    let bytes: Uint8Array | undefined
    try {
      signal.throwIfAborted()
      bytes = await source.read(entry, signal, report)
      if (bytes === undefined) continue
      const file = await verifyFile(bytes, entry, source.trusted).catch(async error => {
        if (!source.wasResumed?.(entry)) throw error
        bytes = await source.read(entry, signal, report)
        return await verifyFile(bytes!, entry, source.trusted)
      })
      if (source.remote) await cacheFile(cache, entry, file).catch(error => warn(messageOf(error)))
      report({ stage: 'acquire', item: entry.name, done: file.content.length, total: file.content.length })
      return { file, source }
    } catch (error) {
      signal.throwIfAborted()
      const reason = `${source.name}: ${messageOf(error)}`
      reasons.push(reason)
      warn(`${entry.name} from ${reason}`)
      if (source === cache && bytes !== undefined) {
        await cache.quarantine(entry).catch(error => warn(messageOf(error)))
      }
    }
  }
  throw new ServiceError('no_source', `no source has ${entry.name}: ${reasons.join('; ') || 'none is configured'}`)
}

/** Caches the publisher's gzip if available, else the content, unless no known hash would find it again. */
async function cacheFile (cache: FileCache, { name, sha256, gzip }: FileEntry, file: VerifiedBytes): Promise<void> {
  if (file.gzip && gzip) await cache.write(gzip.sha256, name, file.gzip)
  else if (sha256 !== undefined) await cache.write(sha256, name, file.content)
}
