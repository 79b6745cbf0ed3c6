import { splitNames, type BackendName, type FileProvenance, type PixelStatistics, type SplitName } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'
import { asBytes } from '../io/bytes.ts'
import { sha256 } from '../io/hash.ts'
import type { DatasetToServe } from '../dataset/prepared.ts'

/** Raised when what is kept is laid out in another way; what older ones wrote is then made anew. */
const LAYOUT = 1

/** One array of the data: its bytes follow those of the array before it. */
export interface KeptArray {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

/** What is kept of a prepared dataset beside its arrays, and the arrays' hashes. */
export interface Manifest {
  readonly layout: number
  readonly dataset: string
  readonly version: string
  /** Number of classes. */
  readonly classes: number
  readonly rows: number
  readonly columns: number
  readonly counts: Readonly<Record<SplitName, number>>
  readonly backend: BackendName
  readonly files: readonly FileProvenance[]
  readonly meanCount: number
  readonly standard: PixelStatistics
  readonly pixels: Readonly<Record<SplitName, PixelStatistics>>
  readonly arrays: readonly KeptArray[]
}

/**
 * The arrays that cannot be computed from one another, in the order in which they are kept: float32 first, so that each
 * starts at a multiple of its element's size.
 */
export function arraysOf ({ meanImage, levels, splits }: DatasetToServe): Array<[name: string, array: Uint8Array]> {
  return [
    ['meanImage', asBytes(meanImage)],
    ['levels.unit', asBytes(levels.unit)],
    ['levels.standard', asBytes(levels.standard)],
    ...splitNames.map((name): [string, Uint8Array] => [`${name}.images`, splits[name].images]),
    ...splitNames.map((name): [string, Uint8Array] => [`${name}.labels`, splits[name].labels])
  ]
}

export function manifestOf (dataset: DatasetToServe): Manifest {
  const { entry, version, rows, columns, backend, files, meanCount, standard, splits: { train, val, test } } = dataset
  return {
    layout: LAYOUT,
    dataset: entry.name,
    version,
    classes: entry.classes.length,
    rows,
    columns,
    counts: { train: train.count, val: val.count, test: test.count },
    backend,
    files,
    meanCount,
    standard,
    pixels: { train: train.pixels, val: val.pixels, test: test.pixels },
    arrays: arraysOf(dataset).map(([name, array]) => ({ name, bytes: array.length, sha256: sha256(array) }))
  }
}

/** A manifest as text: JSON whose last member is the SHA-256 of the JSON without it. */
export function renderManifest (manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, sha256: sha256(JSON.stringify(manifest)) }, null, 2)}\n`
}

/** @throws ServiceError prepared_unusable: not, byte for byte, a manifest of this layout, version and number of classes */
export function parseManifest (text: string, version: string, classes: number): Manifest {
  const { sha256, ...manifest } = parsed(text) as Manifest & { sha256: string }
  if (renderManifest(manifest) !== text) throw new ServiceError('prepared_unusable', 'its manifest is damaged')
  if (manifest.layout !== LAYOUT) throw new ServiceError('prepared_unusable', `its layout is ${manifest.layout}, expected ${LAYOUT}`)
  if (manifest.version !== version) throw new ServiceError('prepared_unusable', `its manifest is that of ${manifest.version}`)
  if (manifest.classes !== classes) throw new ServiceError('prepared_unusable', `it has ${manifest.classes} classes, expected ${classes}`)
  return manifest
}

/** Cuts the data into its arrays, by name. */
export function verifiedArrays ({ arrays }: Manifest, data: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  let start = 0
  for (const { name, bytes, sha256: expected } of arrays) {
    const array = data.subarray(start, start += bytes)
    if (array.length !== bytes || sha256(array) !== expected) throw new ServiceError('prepared_unusable', `its ${name} are damaged`)
    found.set(name, array)
  }
  return found
}

function parsed (text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch (cause) {
    throw new ServiceError('prepared_unusable', 'its manifest is damaged', { cause })
  }
}
