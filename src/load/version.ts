import type { DatasetEntry, FileEntry } from '../dataset/entry.ts'
import type { PrepareSettings, SplitSettings } from '../dataset/settings.ts'
import { sha256 } from '../disk/hash.ts'

/** Incremented with every change that yields other bytes from the same files and settings. */
const REVISION = 1

/**
 * Identifies the bytes of a prepared dataset: the first 16 hexadecimal digits of the SHA-256 of this JSON without white
 * space: `{"files":[hashes of the files in the order of the entry],"split":{"mode","valFraction","seed"},
 * "prepare":{"denoise","meanOver"},"revision"}`.
 */
export function datasetVersion (entry: DatasetEntry, split: SplitSettings, prepare: PrepareSettings): string {
  const description = JSON.stringify({
    files: entry.files.map(file => pinnedHash(file, entry)),
    split: { mode: split.mode, valFraction: split.valFraction, seed: split.seed },
    prepare: { denoise: prepare.denoise, meanOver: prepare.meanOver },
    revision: REVISION
  })
  return sha256(description).slice(0, 16)
}

/** The hash that pins a file: of its content, or else of its gzip, or else of the archive that contains it. */
function pinnedHash ({ name, sha256, gzip }: FileEntry, { archive }: DatasetEntry): string {
  return sha256 ?? gzip?.sha256 ?? `${archive!.sha256}/${name}`
}
