import { readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileRoles, type DatasetEntry, type FileEntry, type FileRole } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Source } from './source.ts'

/** A folder that has a dataset's files under their published names, gzipped or not. */
export class Folder implements Source {
  readonly name: string
  readonly remote = false
  readonly #path: string

  constructor (path: string) {
    // The last part only: what is said of sources is public.
    this.name = `folder ${basename(path)}`
    this.#path = path
  }

  async read (file: FileEntry): Promise<Uint8Array | undefined> {
    for (const name of [file.name, `${file.name}.gz`]) {
      try {
        return await readFile(join(this.#path, name))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw new ServiceError('source_unavailable', messageOf(cause), { cause })
      }
    }
    return undefined
  }
}

/** What a file of an unknown dataset is found to be. */
export interface Inspected {
  readonly dimensions: readonly number[]
  readonly data: { readonly length: number } & Iterable<number>
  /** SHA-256 of its content. */
  readonly sha256: string
}

/** Opens a file of which nothing is known. */
export type Inspect = (bytes: Uint8Array) => Promise<Inspected>

/** Names as MNIST has them, whatever stands before. */
const patterns: Readonly<Record<FileRole, RegExp>> = {
  trainImages: /^(.*[-_.])?train[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/,
  trainLabels: /^(.*[-_.])?train[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/,
  testImages: /^(.*[-_.])?(t10k|test)[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/,
  testLabels: /^(.*[-_.])?(t10k|test)[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/
}

/**
 * Describes a dataset that nobody declared by what lies in its folder.
 *
 * @throws ServiceError no_source: names the folder, and what it lacks or what is wrong with it
 */
export async function describeFolder (path: string, name: string, inspect: Inspect): Promise<DatasetEntry> {
  const names = await readdir(path).catch((cause: NodeJS.ErrnoException) => { throw new ServiceError('no_source', `folder ${name} cannot be read: ${cause.code}`, { cause }) })
  const files: Partial<Record<FileRole, FileEntry>> = {}
  let classes = 1
  for (const role of fileRoles) {
    const found = names.filter(name => patterns[role].test(name)).sort()
    const contents = new Set(found.map(name => name.replace(/\.gz$/, '')))
    if (contents.size !== 1) throw new ServiceError('no_source', `folder ${name} has ${found.join(', ') || 'no file'} where one like ${example(role)} was expected`)
    try {
      const { dimensions, data, sha256 } = await inspect(await readFile(join(path, found[0]!)))
      if (role.endsWith('Labels')) for (const label of data) classes = Math.max(classes, label + 1)
      files[role] = { name: [...contents][0]!, dimensions, sha256 }
    } catch (cause) {
      throw new ServiceError('no_source', `${name}/${found[0]!} ${messageOf(cause)}`, { cause })
    }
  }
  return {
    name,
    title: name,
    description: 'A dataset from a local folder, as its files describe themselves.',
    homepage: '',
    licence: { name: 'not known', url: '' },
    citation: '',
    classes: Array.from({ length: classes }, (_, label) => String(label)),
    files: files as Record<FileRole, FileEntry>,
    mirrors: []
  }
}

function example (role: FileRole): string {
  return `${role.startsWith('train') ? 'train' : 't10k'}-${role.endsWith('Images') ? 'images-idx3' : 'labels-idx1'}-ubyte.gz`
}
