import { fileRoles, type DatasetEntry, type FileRole, type PrepareSettings, type SplitSettings } from '../dataset/entry.ts'
import { sha256 } from '../io/hash.ts'

/** Raised with every change that makes other bytes of the same files and settings. */
const REVISION = 1

/**
 * What stands for the bytes of a prepared dataset: the first 16 hexadecimal digits of the SHA-256 of this JSON, without
 * white space: `{"files":[identities: training images, training labels, test images, test labels],"split":
 * {"mode","valFraction","seed"},"prepare":{"denoise","meanOver"},"revision"}`.
 */
export function versionOf (entry: DatasetEntry, split: SplitSettings, prepare: PrepareSettings): string {
  const description = JSON.stringify({
    files: fileRoles.map(role => identityOf(entry, role)),
    split: { mode: split.mode, valFraction: split.valFraction, seed: split.seed },
    prepare: { denoise: prepare.denoise, meanOver: prepare.meanOver },
    revision: REVISION
  })
  return sha256(description).slice(0, 16)
}

/** The hash that pins a file: of its content, else of its gzip, else of the archive that it is in. */
function identityOf ({ files, archive }: DatasetEntry, role: FileRole): string {
  const { name, sha256, gzip } = files[role]
  return sha256 ?? gzip?.sha256 ?? `${archive!.sha256}/${name}`
}
