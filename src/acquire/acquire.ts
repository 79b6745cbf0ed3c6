import { fileRoles, type DatasetEntry, type FileEntry, type FileProvenance, type FileRole, type ReportProgress } from '../dataset.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import type { Source } from './source.ts'

/** Turns a source's bytes into a file that is known to be right, or throws with the reason. */
export type Verify<File> = (bytes: Uint8Array, file: FileEntry) => Promise<File>

export interface AcquireOptions<File extends { content: Uint8Array }> {
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
 * Brings all files of a dataset, each from the first source whose bytes verify.
 *
 * @throws ServiceError no_source: what each source said of the file that nobody has
 */
export async function acquire<File extends { content: Uint8Array }> (entry: DatasetEntry, options: AcquireOptions<File>): Promise<Acquired<File>> {
  const files: Partial<Record<FileRole, File>> = {}
  const provenance: FileProvenance[] = []
  for (const role of fileRoles) {
    const declared = entry.files[role]
    const { file, source } = await acquireFile(declared, options)
    files[role] = file
    provenance.push({ name: declared.name, bytes: file.content.length, sha256: declared.sha256, source: source.name })
  }
  return { files: files as Record<FileRole, File>, provenance }
}

async function acquireFile<File extends { content: Uint8Array }> (declared: FileEntry, options: AcquireOptions<File>): Promise<{ file: File, source: Source }> {
  const { cache, sources, verify, signal, report, warn } = options
  const refusals: string[] = []
  for (const source of [cache, ...sources]) {
    let bytes: Uint8Array | undefined
    try {
      signal.throwIfAborted()
      bytes = await source.read(declared, signal, report)
      if (bytes === undefined) continue
      const file = await verify(bytes, declared)
      if (source.remote) await cache.write(declared, file.content).catch((error: ServiceError) => warn(error.message))
      report({ stage: 'acquire', item: declared.name, done: file.content.length, total: file.content.length })
      return { file, source }
    } catch (error) {
      signal.throwIfAborted()
      const refusal = `${source.name}: ${messageOf(error)}`
      refusals.push(refusal)
      warn(`${declared.name} from ${refusal}`)
      if (source === cache && bytes !== undefined) await cache.evict(declared).catch((error: Error) => warn(error.message))
    }
  }
  throw new ServiceError('no_source', `no source has ${declared.name}: ${refusals.join('; ') || 'none is configured'}`)
}
