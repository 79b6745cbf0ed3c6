import { fileRoles, type DatasetEntry, type FileRole } from '../dataset/entry.ts'
import type { PrepareSettings, SplitSettings } from '../dataset/settings.ts'
import { sha256 } from '../disk/hash.ts'

/** Incremented with every change that yields other bytes from the same files and settings. */
const REVISION = 1

/**
 * Identifies the bytes of a prepared dataset: the first 16 hexadecimal digits of the SHA-256 of this JSON without white
 * space: `{"files":[hashes of the training images, training labels, test images, test labels],
 * "split":{"mode","valFraction","seed"},"prepare":{"denoise","meanOver"},"revision"}`.
 */
export function datasetVersion (entry: DatasetEntry, split: SplitSettings, prepare: PrepareSettings): string {
  const description = JSON.stringify({
    files: fileRoles.map(role => pinnedHash(entry, role)),
    split: { mode: split.mode, valFraction: split.valFraction, seed: split.seed },
    prepare: { denoise: prepare.denoise, meanOver: prepare.meanOver },
    revision: REVISION
  })
  return sha256(description).slice(0, 16)
}

/** The hash that pins a file: of its content, or else of its gzip, or else of the archive that contains it. */
function pinnedHash ({ files, archive }: DatasetEntry, role: FileRole): string {
  const { name, sha256, gzip } = files[role]
  return sha256 ?? gzip?.sha256 ?? `${archive!.sha256}/${name}`
}
