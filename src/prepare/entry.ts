import { join } from 'node:path'
import { catalogue } from '../dataset/catalogue/index.ts'
import type { DatasetEntry } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'

/**
 * What is known of a dataset: from the catalogue, or else from its files in a local folder.
 *
 * @param folder that has datasets as folders
 * @throws ServiceError no_source
 */
export async function entryOf (name: string, folder: string | undefined): Promise<DatasetEntry> {
  const known = catalogue.get(name)
  if (known) return known
  if (folder === undefined) throw new ServiceError('no_source', `${name} is not in the catalogue, and there is no folder to look in`)
  const { describeFolder } = await import('../acquire/local.ts')
  return await describeFolder(join(folder, name), name)
}
