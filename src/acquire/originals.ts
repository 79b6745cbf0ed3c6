import { fileRoles, type DatasetEntry, type FileEntry, type FileProvenance, type GzipListing, type OriginalFile, type Originals } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'
import type { Verified } from './acquire.ts'
import type { KeptFile } from './kept-file.ts'
import { bringContent, bringGzip, type BringOptions } from './original.ts'

/** Does something with what files are brought with, which is only made for that. */
export type WithTools<File extends Verified> = <T>(bring: (tools: BringOptions<File>) => Promise<T>) => Promise<T>

/** A file that is open, and what tells whether it may be given again. */
interface Opened {
  readonly file: OriginalFile
  readonly kept: KeptFile
}

/**
 * The files of a dataset, each brought when it is first asked for, once for all who ask meanwhile, and then read from the
 * disk. Nothing but the entry, the cache and the sources is needed for that.
 *
 * @param came where the files came from when the dataset was prepared, in the order of the roles
 */
export function originalsOf<File extends Verified> (entry: DatasetEntry, came: readonly FileProvenance[], withTools: WithTools<File>): Originals {
  const bring = new Map<string, () => Promise<Opened>>()
  const bringing = new Map<string, Promise<Opened>>()
  fileRoles.forEach((role, i) => {
    const file = entry.files[role]
    const { sha256 } = came[i]!
    // What follows from a hash of the catalogue never changes; our own gzip of it might.
    const pinned = file.sha256 !== undefined || file.gzip !== undefined || entry.archive !== undefined
    bring.set(`${file.name}.gz`, async () => {
      const { original, ...brought } = await withTools(tools => bringGzip(file, sha256, tools))
      return opened(`${file.name}.gz`, 'application/gzip', pinned && original, brought)
    })
    bring.set(file.name, async () => opened(file.name, 'application/octet-stream', pinned, await withTools(tools => bringContent(file, sha256, tools))))
  })

  /** Everybody who asks meanwhile gets the same. */
  function once (name: string, make: () => Promise<Opened>): Promise<Opened> {
    const made = make()
    bringing.set(name, made)
    made.catch(() => bringing.delete(name))
    return made
  }

  return {
    gzips: fileRoles.map((role, i) => listing(entry.files[role], came[i]!)),
    async open (name) {
      const make = bring.get(name)
      if (!make) throw new ServiceError('unknown_file', `${entry.name} has no file '${name}'; there are: ${[...bring.keys()].join(', ')}`)
      const before = bringing.get(name)
      if (!before) return (await once(name, make)).file
      const { file, kept } = await before
      if (await kept.unchanged()) return file
      const now = bringing.get(name)
      return (await (now && now !== before ? now : once(name, make))).file
    }
  }
}

function opened (name: string, mediaType: string, lasting: boolean, { kept, sha256 }: { kept: KeptFile, sha256: string }): Opened {
  return { file: { name, mediaType, bytes: kept.bytes, sha256, lasting, read: kept.read }, kept }
}

function listing (file: FileEntry, { gzipped }: FileProvenance): GzipListing {
  const name = `${file.name}.gz`
  const { header, ...known } = file.gzip ?? {}
  if (gzipped) return { name, original: true, made: 'downloaded', ...known }
  return header ? { name, original: true, made: 'reproduced', ...known } : { name, original: false, made: 'compressed' }
}
