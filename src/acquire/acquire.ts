import { fileRoles, type DatasetEntry, type FileEntry, type FileProvenance, type FileRole, type ReportProgress } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import type { Source } from './source.ts'

/** What must be known of a file that was found to be right. */
export interface Verified {
  /** The uncompressed content, and its SHA-256. */
  readonly content: Uint8Array
  readonly sha256: string
  /** The publisher's own gzip, if that is what came. */
  readonly gzip?: Uint8Array
}

/** Turns a source's bytes into a file that is known to be right, or throws with the reason. */
export type Verify<File> = (bytes: Uint8Array, file: FileEntry, vouched?: boolean) => Promise<File>

export interface AcquireOptions<File extends Verified> {
  readonly cache: FileCache
  /** Tried in order, after the cache. */
  readonly sources: readonly Source[]
  readonly verify: Verify<File>
  readonly signal: AbortSignal
  readonly report: ReportProgress
  /** Told, in one line, of everything that was refused or went wrong along the way. */
  readonly warn: (message: string) => void
}

export interface Acquired<File> {
  readonly files: Readonly<Record<FileRole, File>>
  readonly provenance: readonly FileProvenance[]
}

/**
 * Brings all files of a dataset, each from the first source whose bytes verify. Whoever else wants the same file from the
 * network meanwhile, here or in another process, waits and then finds it in the cache.
 *
 * @throws ServiceError no_source: what each source said of the file that nobody has
 */
export async function acquire<File extends Verified> (entry: DatasetEntry, options: AcquireOptions<File>): Promise<Acquired<File>> {
  const files: Partial<Record<FileRole, File>> = {}
  const provenance: FileProvenance[] = []
  for (const role of fileRoles) {
    const declared = entry.files[role]
    const { file, source } = await acquireFile(declared, options)
    files[role] = file
    provenance.push({ name: declared.name, bytes: file.content.length, sha256: file.sha256, source: source.name, gzipped: file.gzip !== undefined })
  }
  return { files: files as Record<FileRole, File>, provenance }
}

/** Brings one file, as `acquire` does. */
export async function acquireFile<File extends Verified> (declared: FileEntry, options: AcquireOptions<File>): Promise<{ file: File, source: Source }> {
  const { cache, sources, signal, warn } = options
  const remote = sources.some(source => source.remote)
  const hash = declared.sha256 ?? declared.gzip?.sha256
  const bring = () => firstThatVerifies(declared, options)
  return await (remote && hash !== undefined ? cache.exclusively(hash, { signal, warn }, bring) : bring())
}

async function firstThatVerifies<File extends Verified> (declared: FileEntry, options: AcquireOptions<File>): Promise<{ file: File, source: Source }> {
  const { cache, sources, verify, signal, report, warn } = options
  const refusals: string[] = []
  for (const source of [cache, ...sources] as Source[]) {
    let bytes: Uint8Array | undefined
    try {
      signal.throwIfAborted()
      bytes = await source.read(declared, signal, report)
      if (bytes === undefined) continue
      const file = await verify(bytes, declared, source.vouches).catch(async error => {
        if (!source.mayBeMixed?.(declared)) throw error
        bytes = await source.read(declared, signal, report)
        return await verify(bytes!, declared, source.vouches)
      })
      if (source.remote) await keep(cache, declared, file).catch((error: ServiceError) => warn(error.message))
      report({ stage: 'acquire', item: declared.name, done: file.content.length, total: file.content.length })
      return { file, source }
    } catch (error) {
      signal.throwIfAborted()
      const refusal = `${source.name}: ${messageOf(error)}`
      refusals.push(refusal)
      warn(`${declared.name} from ${refusal}`)
      if (source === cache && bytes !== undefined) await cache.setAside(declared).catch((error: Error) => warn(error.message))
    }
  }
  throw new ServiceError('no_source', `no source has ${declared.name}: ${refusals.join('; ') || 'none is configured'}`)
}

/** Only what has a hash can be found again. */
async function keep (cache: FileCache, { name, sha256, gzip }: FileEntry, file: Verified): Promise<void> {
  if (file.gzip && gzip) await cache.write(gzip.sha256, name, file.gzip)
  else if (sha256 !== undefined) await cache.write(sha256, name, file.content)
}
