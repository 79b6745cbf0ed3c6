import type { DatasetEntry, FileEntry } from '../dataset/entry.ts'
import type { FileProvenance } from '../dataset/originals.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { fileInMemory, type VerifiedFile } from '../decode/dataset-format.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import type { Source } from './source.ts'
import { openCached, toVerifiedFile, type PinnedFile, type StoredFile } from './stored-file.ts'
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

/** A verified file, or its bytes, and the source it came from. */
export interface Acquired<T> {
  readonly file: T
  readonly source: Pick<Source, 'name'>
}

export interface AcquiredDataset {
  readonly files: readonly VerifiedFile[]
  readonly provenance: readonly FileProvenance[]
  /** Closes the files on disk. */
  close (): Promise<void>
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
  const open: StoredFile[] = []
  const close = async (): Promise<void> => { for (const file of open) await file.close() }
  try {
    for (const declared of entry.files) {
      const { name, bytes, sha256 } = declared
      if (isPlain(declared)) {
        const { file, source } = await acquirePlain(declared, options)
        open.push(file)
        files.push(await toVerifiedFile(name, file))
        provenance.push({ name, bytes, sha256: sha256!, source: source.name, gzipped: false })
      } else {
        const { file: { content, sha256, gzip }, source } = await acquireFile(declared, options)
        files.push(fileInMemory(name, content))
        provenance.push({ name, bytes: content.length, sha256, source: source.name, gzipped: gzip !== undefined })
      }
    }
    return { files, provenance, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Acquires a single file, as `acquire` does. */
export async function acquireFile (entry: FileEntry, options: AcquireOptions): Promise<Acquired<VerifiedBytes>> {
  return await readLocked(entry, entry.sha256 ?? entry.gzip?.sha256, options, async source => {
    const { cache, signal, report, warn } = options
    const bytes = await source.read(entry, signal, report)
    if (bytes === undefined) return undefined
    const file = await verifyFile(bytes, entry, source.trusted).catch(async error => {
      if (!source.wasResumed?.(entry)) throw error
      return await verifyFile((await source.read(entry, signal, report))!, entry, source.trusted)
    })
    if (source.remote) await cacheFile(cache, entry, file).catch(error => warn(messageOf(error)))
    report({ stage: 'acquire', item: entry.name, done: file.content.length, total: file.content.length })
    return file
  })
}

/** Opens a single plain file. The caller closes it. */
export async function acquirePlain (entry: PinnedFile, options: AcquireOptions): Promise<Acquired<StoredFile>> {
  return await readLocked(entry, entry.sha256, options, async source => {
    return source === options.cache ? await openCached(entry, options) : await source.open?.(entry, options)
  })
}

export function isPlain (file: FileEntry): file is FileEntry & PinnedFile {
  return file.plain === true && file.sha256 !== undefined
}

/** Reads from the first source that has a valid file, the cache first, under a lock if that may take the network. */
async function readLocked<T> (
  entry: FileEntry,
  key: string | undefined,
  options: AcquireOptions,
  read: (source: Source) => Promise<T | undefined>
): Promise<Acquired<T>> {
  const { name } = entry
  const { cache, sources, signal, warn } = options
  const lockable = key !== undefined && sources.some(source => source.remote)
  return await (lockable ? cache.withLock(key, { signal, warn }, readFirst) : readFirst())

  async function readFirst (): Promise<Acquired<T>> {
    const reasons: string[] = []
    for (const source of [cache, ...sources] as Source[]) {
      try {
        signal.throwIfAborted()
        const file = await read(source)
        if (file !== undefined) return { file, source }
      } catch (error) {
        signal.throwIfAborted()
        const reason = `${source.name}: ${messageOf(error)}`
        reasons.push(reason)
        warn(`${name} from ${reason}`)
        const isCorrupt = error instanceof ServiceError && error.code === 'invalid_file'
        if (source === cache && isCorrupt) await cache.quarantine(entry).catch(error => warn(messageOf(error)))
      }
    }
    throw new ServiceError('no_source', `no source has ${name}: ${reasons.join('; ') || 'none is configured'}`)
  }
}

/** Caches the publisher's gzip if available, else the content, unless no known hash would find it again. */
async function cacheFile (cache: FileCache, { name, sha256, gzip }: FileEntry, file: VerifiedBytes): Promise<void> {
  if (file.gzip && gzip) await cache.write(gzip.sha256, name, file.gzip)
  else if (sha256 !== undefined) await cache.write(sha256, name, file.content)
}
