import type { DatasetEntry } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'
import { arff } from './arff.ts'
import { cifar } from './cifar-binary.ts'
import type { DatasetFormat, FolderListing } from './dataset-format.ts'
import { idx } from './idx.ts'

const formats: readonly DatasetFormat[] = [idx, arff, cifar]

/** The format of a dataset's files. */
export function formatOf ({ format }: Pick<DatasetEntry, 'format'>): DatasetFormat {
  return formats.find(({ name }) => name === format)!
}

/**
 * Describes a dataset that is not in the catalogue by the files in its folder.
 *
 * @throws ServiceError no_source, with the name of the folder and the reason
 */
export async function declareFolder (folder: FolderListing): Promise<DatasetEntry> {
  for (const format of formats) {
    const entry = await format.declare?.(folder)
    if (entry) return entry
  }
  throw new ServiceError('no_source', `folder ${folder.name} has no files of a known format`)
}
