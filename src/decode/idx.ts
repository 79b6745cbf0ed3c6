import type { Adjustments, DatasetEntry, FileEntry } from '../dataset/entry.ts'
import { findShapeFault, isSameShape, planeSize, type ImageShape, type PlaneSize } from '../dataset/image-shape.ts'
import type { RawDataset, Samples } from '../dataset/sample-splits.ts'
import { sha256InSlices } from '../disk/hash.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { inTimeSlices } from '../scheduling/event-loop.ts'
import { readAll, type DatasetFormat, type FolderListing, type ListedFile } from './dataset-format.ts'

/** The files of a dataset, in the order of its entry: their names as MNIST has them, after any prefix. */
const parts = [
  { name: /^(.*[-_.])?train[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/i, example: 'train-images-idx3-ubyte.gz' },
  { name: /^(.*[-_.])?train[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/i, example: 'train-labels-idx1-ubyte.gz' },
  { name: /^(.*[-_.])?(t10k|test)[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?$/i, example: 't10k-images-idx3-ubyte.gz' },
  { name: /^(.*[-_.])?(t10k|test)[-_.]labels[-_.]idx1[-_.]ubyte(\.gz)?$/i, example: 't10k-labels-idx1-ubyte.gz' }
] as const

/** Four files: images and labels to train on, images and labels to test with. */
export const idx: DatasetFormat = {
  name: 'idx',

  async declare (folder) {
    const found = await Promise.all(parts.map(({ name }) => folder.find(file => name.test(file))))
    if (found.every(({ length }) => length === 0)) return undefined
    const files: FileEntry[] = []
    let classes = 1
    for (const [i, { example }] of parts.entries()) {
      const { name, bytes, sha256, data } = await inspectPart(folder, found[i]!, example)
      if (i % 2 === 1) for (const label of data) classes = Math.max(classes, label + 1)
      files.push({ name, bytes, sha256 })
    }
    return describeFolder(folder.name, files, classes)
  },

  async decode (files, { classes, adjustments }) {
    const arrays = await Promise.all(files.map(async file => {
      const bytes = await readAll(file)
      return parseIdx(bytes, bytes[2] === types.int32.code ? 'int32' : 'uint8')
    }))
    return await assembleDataset(arrays, classes.length, adjustments)
  },

  encode ({ shape: { rows, columns }, train, test }, file) {
    const { count, images, labels } = file < 2 ? train : test
    return file % 2 === 0 ? encodeArray([count, rows, columns], images) : encodeArray([count], labels)
  }
}

/** An IDX array in C order. */
export interface IdxArray {
  readonly dimensions: readonly number[]
  /** uint8 as a view of the file's bytes, int32 as a copy in this machine's byte order. */
  readonly data: Uint8Array | Int32Array
}

/** Type code, bytes per element and name of each supported element type. */
const types = {
  uint8: { code: 0x08, size: 1, name: 'unsigned bytes' },
  int32: { code: 0x0c, size: 4, name: '32-bit integers' }
} as const

/**
 * Parses an IDX file (http://yann.lecun.com/exdb/mnist/, "The IDX file format"):
 *
 *     0   u16  0
 *     2   u8   type: 0x08 uint8, 0x0c int32
 *     3   u8   number of dimensions
 *     4   u32  each dimension, big-endian
 *     …        data, the last dimension varying fastest, big-endian
 *
 * Allocates nothing based on the header alone.
 *
 * @param type required element type
 * @throws ServiceError invalid_file: wrong magic number, an inner dimension of 0, or a length that differs from the
 * header's
 */
export function parseIdx (bytes: Uint8Array, type: keyof typeof types = 'uint8'): IdxArray {
  const { code, size, name } = types[type]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || view.getUint16(0) !== 0 || view.getUint8(2) !== code) {
    const [found, expected] = [bytes.subarray(0, 4), Uint8Array.of(0, 0, code)].map(hex)
    throw invalid(`is not IDX of ${name}: starts with ${found}, expected ${expected}`)
  }
  const rank = view.getUint8(3)
  const start = headerLength(rank)
  if (rank === 0 || bytes.length < start) {
    throw invalid(`has an IDX header of ${rank} dimensions in ${bytes.length} bytes`)
  }
  const dimensions = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  // No samples are an empty file; samples without content have no use, and no end for loops that count their bytes.
  if (dimensions.slice(1).includes(0)) {
    throw invalid(`has an IDX header of ${dimensions.join('×')}: nothing in each row`)
  }
  const length = product(dimensions)
  if (bytes.length - start !== length * size) {
    const expected = `${dimensions.join('×')} = ${length}${size > 1 ? ` of ${size} bytes` : ''}`
    throw invalid(`has ${bytes.length - start} bytes of data, but its IDX header says ${expected}`)
  }
  if (type === 'uint8') return { dimensions, data: bytes.subarray(start) }
  const data = new Int32Array(length)
  for (let i = 0; i < length; i++) data[i] = view.getInt32(start + size * i)
  return { dimensions, data }
}

function encodeArray (dimensions: readonly number[], data: Uint8Array): Uint8Array {
  const start = headerLength(dimensions.length)
  const file = new Uint8Array(start + data.length)
  const view = new DataView(file.buffer)
  view.setUint32(0, types.uint8.code << 8 | dimensions.length)
  dimensions.forEach((dimension, axis) => view.setUint32(4 + 4 * axis, dimension))
  file.set(data, start)
  return file
}

function headerLength (rank: number): number {
  return 4 + 4 * rank
}

function product (dimensions: readonly number[]): number {
  return dimensions.reduce((product, dimension) => product * dimension, 1)
}

function hex (bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ') || 'nothing'
}

interface ShapedSamples {
  readonly shape: ImageShape
  readonly samples: Samples
}

/**
 * Combines the files of a dataset. Images remain views of the files' bytes, in which they are transposed if need be.
 *
 * @param classes number of classes
 * @throws ServiceError invalid_file: counts or image sizes that disagree, no training images, images without pixels or
 * with absurdly many, or a label out of range
 */
export async function assembleDataset (
  files: readonly IdxArray[],
  classes: number,
  adjustments: Adjustments = {}
): Promise<RawDataset> {
  const [trainImages, trainLabels, testImages, testLabels] = files as [IdxArray, IdxArray, IdxArray, IdxArray]
  const train = await combineSamples('training', trainImages, trainLabels, classes, adjustments)
  const test = await combineSamples('test', testImages, testLabels, classes, adjustments)
  if (!isSameShape(train.shape, test.shape)) {
    const { shape: { rows, columns } } = train
    throw invalid(`training images are ${rows}×${columns}, test images ${test.shape.rows}×${test.shape.columns}`)
  }
  if (train.samples.count === 0) throw invalid('there are no training images')
  return { shape: train.shape, train: train.samples, test: test.samples }
}

/** @param part name of the files for error messages */
async function combineSamples (
  part: string,
  images: IdxArray,
  labels: IdxArray,
  classes: number,
  { transposed, labelColumn, firstLabel = 0 }: Adjustments
): Promise<ShapedSamples> {
  const [imageRank, labelRank] = [images.dimensions.length, labels.dimensions.length]
  const expectedRank = labelColumn === undefined ? 1 : 2
  if (imageRank !== 3 || labelRank !== expectedRank || !(images.data instanceof Uint8Array)) {
    throw invalid(`${part} images have ${imageRank} dimensions and labels ${labelRank}, expected 3 and ${expectedRank}`)
  }
  const [count, rows, columns] = images.dimensions as [number, number, number]
  const [labelCount, labelWidth = 1] = labels.dimensions
  const shape: ImageShape = transposed ? { channels: 1, rows: columns, columns: rows } : { channels: 1, rows, columns }
  const fault = findShapeFault(shape)
  if (fault) throw invalid(`${part} images have ${fault}`)
  if (count !== labelCount) throw invalid(`there are ${count} ${part} images but ${labelCount} labels`)

  const lastLabel = firstLabel + classes - 1
  const classIndexes = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const label = labels.data[i * labelWidth + (labelColumn ?? 0)]!
    if (label < firstLabel || label > lastLabel) {
      throw invalid(`${part} labels have a ${label}, allowed are ${firstLabel} to ${lastLabel}`)
    }
    classIndexes[i] = label - firstLabel
  }
  if (transposed) await transposeImages(images.data, { rows, columns })
  return { shape, samples: { count, images: images.data, labels: classIndexes } }
}

/** Pixels transposed at a time: a fraction of a millisecond of work. */
const STEP_PIXELS = 1 << 16

/** Swaps rows and columns of each image in place, of which `stored` is the size before. */
async function transposeImages (images: Uint8Array, stored: PlaneSize): Promise<void> {
  const { rows, columns } = stored
  const size = planeSize(stored)
  const image = new Uint8Array(size)
  await inTimeSlices(images.length / size, Math.ceil(STEP_PIXELS / size), (from, to) => {
    for (let start = from * size; start < to * size; start += size) {
      image.set(images.subarray(start, start + size))
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          images[start + column * rows + row] = image[row * columns + column]!
        }
      }
    }
  })
}

interface InspectedFile extends FileEntry, IdxArray {
  readonly sha256: string
}

/** Reads the one file of a part; several under different names must have the same content. */
async function inspectPart (
  folder: FolderListing,
  found: readonly ListedFile[],
  example: string
): Promise<InspectedFile> {
  const [first, ...others] = distinctContents(found)
  if (!first) throw unusable(`folder ${folder.name} has no file, expected one like ${example}`)
  const inspected = await inspect(first, folder.name)
  for (const other of others) {
    if ((await inspect(other, folder.name)).sha256 === inspected.sha256) continue
    const names = found.map(({ name }) => name).join(', ')
    throw unusable(`folder ${folder.name} has ${names}, expected one file like ${example}`)
  }
  return inspected
}

/** One file of each name, apart from `.gz`. */
function distinctContents (found: readonly ListedFile[]): ListedFile[] {
  const files = new Map<string, ListedFile>()
  for (const file of found) if (!files.has(contentName(file.name))) files.set(contentName(file.name), file)
  return [...files.values()]
}

async function inspect (file: ListedFile, folder: string): Promise<InspectedFile> {
  try {
    const content = await file.read()
    const array = parseIdx(content)
    const sha256 = await sha256InSlices(content)
    return { ...array, name: contentName(file.name), bytes: content.length, sha256 }
  } catch (cause) {
    throw unusable(`${folder}/${file.name} ${messageOf(cause)}`, cause)
  }
}

function contentName (name: string): string {
  return name.replace(/\.gz$/i, '')
}

function describeFolder (name: string, files: readonly FileEntry[], classes: number): DatasetEntry {
  return {
    name,
    title: name,
    description: 'A dataset from a local folder, described by its own files.',
    homepage: '',
    licence: { name: 'not known', url: '' },
    citation: '',
    classes: Array.from({ length: classes }, (_, label) => String(label)),
    format: idx.name,
    files,
    mirrors: []
  }
}

function invalid (reason: string): ServiceError {
  return new ServiceError('invalid_file', reason)
}

function unusable (reason: string, cause?: unknown): ServiceError {
  return new ServiceError('no_source', reason, { cause })
}
