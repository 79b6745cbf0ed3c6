import { tmpdir } from 'node:os'
import { acquireFile } from '../acquire/acquire.ts'
import type { FileCache } from '../acquire/cache.ts'
import { closeSources, type Source } from '../acquire/source.ts'
import { fileRoles, type DatasetEntry, type FileEntry } from '../dataset/entry.ts'
import type { FileProvenance, GzipListing, OriginalFile, Originals } from '../dataset/originals.ts'
import type { VerifiedFile } from '../decode/verify-file.ts'
import { sha256InSlices } from '../disk/hash.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { gzipInBackground } from '../gzip/gzip.ts'
import { openDiskFile, storeInMemory, storeUnlinked, type DiskFile } from './disk-file.ts'

export interface OriginalsOptions {
  readonly cache: FileCache
  /** Resolves the sources of a file that is not cached; they are closed after each use. */
  readonly openSources: () => Promise<readonly Source[]>
  readonly warn: (message: string) => void
  /** Compresses like `gzip -6`; `gzipInBackground` by default. */
  readonly gzip?: typeof gzipInBackground
}

interface HashedFile {
  readonly disk: DiskFile
  readonly sha256: string
  /** Whether the bytes are the publisher's own. */
  readonly original: boolean
}

/** A file as clients see it, and as it is on disk. */
interface OpenFile {
  readonly file: OriginalFile
  readonly disk: DiskFile
}

/**
 * Offers a dataset's files for download. Each is acquired or compressed on first use, once for all concurrent callers,
 * and then read from disk.
 *
 * @param provenance of the files the dataset was prepared from, in the order of `fileRoles`
 */
export function createOriginals (
  entry: DatasetEntry,
  provenance: readonly FileProvenance[],
  options: OriginalsOptions
): Originals {
  const openers = new Map<string, () => Promise<OpenFile>>()
  /** Files that are open or about to be. */
  const openFiles = new Map<string, Promise<OpenFile>>()

  fileRoles.forEach((role, i) => {
    const declared = entry.files[role]
    const { sha256 } = provenance[i]!
    // Hashes in the catalogue never change, but our own gzip of a file may.
    const pinned = declared.sha256 !== undefined || declared.gzip !== undefined || entry.archive !== undefined
    const add = (name: string, mediaType: string, openFile: typeof openContent): void => {
      openers.set(name, async () => {
        const { disk, sha256: found, original } = await openFile(declared, sha256, options)
        const { bytes, read } = disk
        return { file: { name, mediaType, bytes, sha256: found, immutable: pinned && original, read }, disk }
      })
    }
    add(`${declared.name}.gz`, 'application/gzip', openGzip)
    add(declared.name, 'application/octet-stream', openContent)
  })

  function startOpening (name: string): Promise<OpenFile> {
    const opening = openers.get(name)!()
    openFiles.set(name, opening)
    opening.catch(() => openFiles.delete(name))
    return opening
  }

  return {
    gzips: fileRoles.map((role, i) => describeGzip(entry.files[role], provenance[i]!)),
    async open (name) {
      if (!openers.has(name)) {
        const names = [...openers.keys()].join(', ')
        throw new ServiceError('unknown_file', `${entry.name} has no file '${name}'; there are: ${names}`)
      }
      const previous = openFiles.get(name)
      if (!previous) return (await startOpening(name)).file
      const { file, disk } = await previous
      if (await disk.isUnchanged()) return file
      // Another caller may have reopened it meanwhile.
      const current = openFiles.get(name)
      return (await (current && current !== previous ? current : startOpening(name))).file
    }
  }
}

function describeGzip (file: FileEntry, { gzipped }: FileProvenance): GzipListing {
  const name = `${file.name}.gz`
  const { header, ...known } = file.gzip ?? {}
  if (gzipped) return { name, original: true, made: 'downloaded', ...known }
  return header ? { name, original: true, made: 'reproduced', ...known } : { name, original: false, made: 'compressed' }
}

/** Opens the uncompressed content, from the cache if possible. */
async function openContent (file: FileEntry, sha256: string, options: OriginalsOptions): Promise<HashedFile> {
  const cached = await openCached(file, sha256, options)
  if (cached) return { disk: cached, sha256, original: true }
  const acquired = await acquireAgain(file, options)
  const disk = await store(file.name, acquired.content, acquired.sha256, options)
  return { disk, sha256: acquired.sha256, original: true }
}

/**
 * Opens the gzip of a file: the publisher's if it is cached, can be acquired or can be reproduced, otherwise our own.
 * Only one process compresses it at a time.
 */
async function openGzip (file: FileEntry, contentSha256: string, options: OriginalsOptions): Promise<HashedFile> {
  const { cache, warn, gzip = gzipInBackground } = options
  const signal = new AbortController().signal
  return await openPublished() ?? await cache.withLock(`${contentSha256}.gz`, { signal, warn }, async () => {
    return await openPublished() ?? await compress()
  })

  async function openPublished (): Promise<HashedFile | undefined> {
    const cached = file.gzip && await openCached(file, file.gzip.sha256, options)
    return cached && { disk: cached, sha256: file.gzip!.sha256, original: true }
  }

  async function compress (): Promise<HashedFile> {
    const name = `${file.name}.gz`
    const acquired = await acquireAgain(file, options)
    const bytes = acquired.gzip ?? await gzip(acquired.content, file.gzip?.header)
    const sha256 = await sha256InSlices(bytes)
    const original = acquired.gzip !== undefined || sha256 === file.gzip?.sha256
    if (!original && file.gzip?.header) {
      warn(`${name} cannot be reproduced: its SHA-256 would be ${sha256}, expected ${file.gzip.sha256}`)
    }
    return { disk: await store(name, bytes, sha256, options), sha256, original }
  }
}

async function acquireAgain (file: FileEntry, { cache, openSources, warn }: OriginalsOptions): Promise<VerifiedFile> {
  const sources = await openSources()
  // Not aborted on shutdown: draining bounds it.
  const signal = new AbortController().signal
  try {
    return (await acquireFile(file, { cache, sources, signal, report: () => {}, warn })).file
  } finally {
    await closeSources(sources)
  }
}

async function openCached (
  file: FileEntry,
  sha256: string,
  { cache, warn }: OriginalsOptions
): Promise<DiskFile | undefined> {
  try {
    return await openDiskFile(cache.path(sha256), sha256)
  } catch (error) {
    warn(`${file.name} from ${cache.name}: ${messageOf(error)}`)
    if (error instanceof ServiceError) await cache.quarantine(file).catch(error => warn(messageOf(error)))
    return undefined
  }
}

/** Stores bytes in the cache, else in an unlinked temporary file, else in memory. */
async function store (
  name: string,
  bytes: Uint8Array,
  sha256: string,
  { cache, warn }: OriginalsOptions
): Promise<DiskFile> {
  const path = cache.path(sha256)
  try {
    const cached = await openDiskFile(path, sha256).catch(() => undefined)
    if (cached) return cached
    await cache.write(sha256, name, bytes)
    return (await openDiskFile(path, sha256))!
  } catch (error) {
    warn(messageOf(error))
  }
  return await storeUnlinked(tmpdir(), bytes).catch(error => {
    warn(`${name} stays in memory, since no temporary file can be written: ${messageOf(error)}`)
    return storeInMemory(bytes)
  })
}
