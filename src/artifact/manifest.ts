import { findShapeFault, type ImageShape, type PlaneSize } from '../dataset/image-shape.ts'
import type { FileProvenance } from '../dataset/originals.ts'
import {
  publicStatistics, type ChannelStatistics, type DatasetArrays, type PreparedDataset, type PublicStatistics
} from '../dataset/prepared.ts'
import { perSplit, splitNames, type SplitName } from '../dataset/sample-splits.ts'
import type { BackendName } from '../dataset/settings.ts'
import { sha256, sha256InSlices } from '../disk/hash.ts'
import { ServiceError } from '../errors.ts'
import { asBytes } from '../memory/bytes.ts'

/** Incremented when the format changes; artifacts of another layout are prepared anew. */
const LAYOUT = 2

/** One array of the data file. The arrays follow each other without gaps. */
export interface ArrayEntry {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

/** Describes an artifact: the facts of the dataset, and the name, size and hash of each array. */
export interface Manifest extends PlaneSize {
  readonly layout: number
  readonly dataset: string
  readonly version: string
  /** Number of classes. */
  readonly classes: number
  /** Left out where it is 1. */
  readonly channels?: 1 | 3
  readonly counts: Readonly<Record<SplitName, number>>
  readonly backend: BackendName
  readonly files: readonly FileProvenance[]
  readonly meanCount: number
  readonly standard: PublicStatistics
  readonly pixels: Readonly<Record<SplitName, PublicStatistics>>
  readonly arrays: readonly ArrayEntry[]
}

/** The arrays of an artifact in file order: float32 first, so that every array is aligned to its element size. */
export function listArrays ({ meanImage, levels, splits }: DatasetArrays): Array<[name: string, bytes: Uint8Array]> {
  return [
    ['meanImage', asBytes(meanImage)],
    ['levels.unit', asBytes(levels.unit)],
    ['levels.standard', asBytes(levels.standard)],
    ...splitNames.map((name): [string, Uint8Array] => [`${name}.images`, splits[name].images]),
    ...splitNames.map((name): [string, Uint8Array] => [`${name}.labels`, splits[name].labels])
  ]
}

export async function createManifest (dataset: PreparedDataset): Promise<Manifest> {
  const { channels, rows, columns } = dataset.shape
  const { entry, version, backend, files, meanCount, standard, splits } = dataset
  const arrays: ArrayEntry[] = []
  for (const [name, bytes] of listArrays(dataset)) {
    arrays.push({ name, bytes: bytes.length, sha256: await sha256InSlices(bytes) })
  }
  return {
    layout: LAYOUT,
    dataset: entry.name,
    version,
    classes: entry.classes.length,
    ...(channels !== 1 && { channels }),
    rows,
    columns,
    counts: perSplit(name => splits[name].count),
    backend,
    files,
    meanCount,
    standard: publicStatistics(standard),
    pixels: perSplit(name => publicStatistics(splits[name].pixels)),
    arrays
  }
}

/** The facts of an artifact's dataset. */
export function factsOf (manifest: Manifest) {
  const { backend, files, meanCount, standard, pixels } = manifest
  return {
    shape: shapeOf(manifest),
    backend,
    files,
    meanCount,
    standard: statisticsOf(standard),
    pixels: perSplit(name => statisticsOf(pixels[name]))
  }
}

function shapeOf ({ channels = 1, rows, columns }: Manifest): ImageShape {
  return { channels, rows, columns }
}

function statisticsOf ({ mean, std }: PublicStatistics): ChannelStatistics {
  const stds = [std].flat()
  return [mean].flat().map((mean, channel) => ({ mean, std: stds[channel]! }))
}

/** The text of a manifest: JSON whose last member is the SHA-256 of the JSON without it. */
export function renderManifest (manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, sha256: sha256(JSON.stringify(manifest)) }, null, 2)}\n`
}

/** @throws ServiceError artifact_unusable: damaged, of another layout, version or number of classes, or empty */
export function parseManifest (text: string, version: string, classes: number): Manifest {
  const { sha256, ...manifest } = parseObject(text) as Manifest & { sha256: string }
  if (renderManifest(manifest) !== text) throw unusable('the manifest is damaged')
  if (manifest.layout !== LAYOUT) throw unusable(`the layout is ${manifest.layout}, expected ${LAYOUT}`)
  if (manifest.version !== version) throw unusable(`the manifest is that of version ${manifest.version}`)
  if (manifest.classes !== classes) throw unusable(`there are ${manifest.classes} classes, expected ${classes}`)
  const fault = findShapeFault(shapeOf(manifest))
  if (fault) throw unusable(`images have ${fault}`)
  if (manifest.counts.train === 0) throw unusable('there are no training samples')
  return manifest
}

/**
 * Views of the arrays in a data file, each verified by its hash. Yields to the event loop between time slices.
 *
 * @throws ServiceError artifact_unusable: names the damaged array; or there are bytes after the last one
 */
export async function parseArrays ({ arrays }: Manifest, data: Uint8Array): Promise<DatasetArrays> {
  const views = new Map<string, Uint8Array>()
  let start = 0
  for (const { name, bytes, sha256: expected } of arrays) {
    const view = asBytes(data.subarray(start, start += bytes))
    if (view.length !== bytes || await sha256InSlices(view) !== expected) throw unusable(`the array ${name} is damaged`)
    views.set(name, view)
  }
  if (data.length > start) throw unusable(`there are ${data.length - start} bytes after the last array`)
  return {
    meanImage: floats('meanImage'),
    levels: { unit: floats('levels.unit'), standard: floats('levels.standard') },
    splits: perSplit(name => ({ images: views.get(`${name}.images`)!, labels: views.get(`${name}.labels`)! }))
  }

  function floats (name: string): Float32Array {
    const { buffer, byteOffset, byteLength } = views.get(name)!
    return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT)
  }
}

function parseObject (text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch (cause) {
    throw unusable('the manifest is damaged', cause)
  }
}

function unusable (reason: string, cause?: unknown): ServiceError {
  return new ServiceError('artifact_unusable', reason, { cause })
}
