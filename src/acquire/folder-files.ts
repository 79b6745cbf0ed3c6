import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { FolderListing } from '../decode/dataset-format.ts'
import { ServiceError } from '../errors.ts'
import { decompressUnpinned } from './verify-file.ts'

/** A file in a folder. */
export interface FoundFile {
  readonly path: string
  /** Without folders. */
  readonly name: string
}

/**
 * The files of a folder whose names match, sorted by name. A folder whose name matches stands for the matching files in
 * it, since archives of single files unpack into folders of the same name. Names that start with a dot are metadata of
 * file systems, such as `._train-images-idx3-ubyte` from macOS.
 *
 * @throws the error of the file system if the folder cannot be listed
 */
export async function findFiles (folder: string, matches: (name: string) => boolean): Promise<FoundFile[]> {
  return (await findEntries(folder, matches, true)).sort((a, b) => compare(a.name, b.name) || compare(a.path, b.path))
}

/**
 * Lists a folder for the formats that may recognize its files.
 *
 * @param name public name of the folder
 */
export function listFolder (path: string, name: string): FolderListing {
  return {
    name,
    async find (matches) {
      const found = await findFiles(path, matches).catch((cause: NodeJS.ErrnoException) => {
        throw new ServiceError('no_source', `folder ${name} cannot be read: ${cause.code}`, { cause })
      })
      return found.map(({ name, path }) => ({ name, read: async () => decompressUnpinned(await readFile(path)) }))
    }
  }
}

async function findEntries (
  folder: string,
  matches: (name: string) => boolean,
  entersFolders: boolean
): Promise<FoundFile[]> {
  const names = (await readdir(folder)).filter(name => !name.startsWith('.') && matches(name))
  const found = await Promise.all(names.map(async name => {
    const path = join(folder, name)
    const status = await stat(path).catch(() => undefined)
    if (status?.isDirectory()) return entersFolders ? await findEntries(path, matches, false) : []
    return [{ path, name }]
  }))
  return found.flat()
}

/** The same for `train-images-idx3-ubyte`, `train-images.idx3-ubyte` and `TRAIN_IMAGES-IDX3-UBYTE.GZ`. */
export function canonicalName (name: string): string {
  return name.replace(/\.gz$/i, '').toLowerCase().replace(/[._]/g, '-')
}

function compare (a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
