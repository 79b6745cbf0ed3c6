import { tensorShape, valueCount } from '../dataset/image-shape.ts'
import type { PreparedDataset, PreparedSplit } from '../dataset/prepared.ts'
import type { SplitName } from '../dataset/sample-splits.ts'
import type { PooledChunk } from '../memory/chunk.ts'
import { gatheredTensor, normalizedTensor } from './gather-kernel.ts'
import { gatherPlaced, gatherRows, slicePositions, viewRows, type Positions } from './gather-rows.ts'
import { floatNormalization, getNormalizer, type Normalizer, type NormalizerOptions } from './normalize.ts'
import type { LabelEncoding } from './options.ts'
import { paddedShape, placementOf, type Placement } from './pad.ts'
import type { PageSpan } from './page.ts'
import type { SampleOrder } from './sample-order.ts'
import { computedTensor, pooledTensor, viewTensor, type PixelValues, type Tensor } from './tensor.ts'

/** Samples of one split, as tensors whose first dimension is the sample. */
export interface Batch {
  readonly images: Tensor<PixelValues>
  /** float32 one-hot rows, or int64 class indices. */
  readonly labels: Tensor<Float32Array | BigInt64Array>
  /** int32 positions in the split. */
  readonly ids: Tensor<Int32Array>
  /** uint8, 1 for a sample and 0 for padding; only if the selection is masked. */
  readonly mask?: Tensor<Uint8Array>
  /** Maps the pixels that `copyPixels` returns to the elements of `images`. */
  readonly normalizer: Normalizer
  /** Copies the u8 pixels of the images from `start` up to but not including `end`, augmented, padded and laid out. */
  copyPixels (start: number, end: number, target?: Uint8Array): Uint8Array
  /** The samples from `start` up to but not including `end`. Copies nothing. */
  slice (start: number, end: number): Batch
}

/** Which samples a batch has, and how they are prepared. */
export interface Selection extends NormalizerOptions {
  readonly split: SplitName
  /** Positions of the order that the batch covers. */
  readonly span: PageSpan
  readonly order: SampleOrder
  readonly labels: LabelEncoding
  /** Whether a mask tells samples from padding. */
  readonly masked: boolean
  /** Images that replace the stored ones. */
  readonly images?: ReplacedImages | undefined
}

/** The images of a batch in its order, as u8 pixels, or as float32 values that are read as a whole. */
export type ReplacedImages = { readonly pixels: Uint8Array } | { readonly values: PooledChunk }

/**
 * The batch of a selection. In the natural order, raw images are views; everything else is computed when it is read.
 */
export function selectBatch (dataset: PreparedDataset, selection: Selection): Batch {
  const { order, span: { start, count, real } } = selection
  const split = dataset.splits[selection.split]
  const isConsecutive = order.isNatural && start + count <= order.length
  const positions = isConsecutive ? { start, count } : { start: 0, count, ids: order.ids(start, count) }
  const source = {
    dataset,
    split,
    pixels: pixelsOf(selection.images, split),
    normalizer: getNormalizer(dataset, selection),
    placement: placementOf(dataset.shape, selection),
    selection
  }
  const pixelPositions = selection.images ? { start: 0, count } : positions
  return new SelectedBatch(source, { positions, pixelPositions, real })
}

function pixelsOf (images: ReplacedImages | undefined, split: PreparedSplit): Uint8Array | undefined {
  if (!images) return split.images
  return 'pixels' in images ? images.pixels : undefined
}

/** The dimensions of one image of a batch. */
export function imageDimensions (
  { shape }: PreparedDataset,
  { pad, layout }: Pick<Selection, 'pad' | 'layout'>
): number[] {
  return tensorShape(paddedShape(shape, pad), layout)
}

/** What a batch and its slices share. */
interface Source {
  readonly dataset: PreparedDataset
  readonly split: PreparedSplit
  /** u8 images of the dataset's shape: the stored ones, or those that replace them unless they have values only. */
  readonly pixels: Uint8Array | undefined
  readonly normalizer: Normalizer
  readonly placement: Placement
  readonly selection: Selection
}

/** The samples of a batch or slice. */
interface Rows {
  /** Positions in the split. */
  readonly positions: Positions
  /** Positions of the images in `pixels`. */
  readonly pixelPositions: Positions
  /** Samples before the padding. */
  readonly real: number
}

/** Pixels that are gathered before they are normalized: few enough to stay in the processor's cache. */
const SCRATCH_PIXELS = 1 << 15

/** Holds pixels only while `#fillImages` runs. */
let scratch = new Uint8Array(SCRATCH_PIXELS)

class SelectedBatch implements Batch {
  readonly images: Tensor<PixelValues>
  readonly labels: Tensor<Float32Array | BigInt64Array>
  readonly ids: Tensor<Int32Array>
  readonly mask?: Tensor<Uint8Array>
  readonly normalizer: Normalizer
  readonly #source: Source
  readonly #rows: Rows

  constructor (source: Source, rows: Rows) {
    this.#source = source
    this.#rows = rows
    this.normalizer = source.normalizer
    this.images = this.#selectImages()
    this.labels = selectLabels(source, rows)
    this.ids = selectIdTensor(rows)
    if (source.selection.masked) this.mask = selectMask(rows)
  }

  copyPixels (start: number, end: number, target?: Uint8Array): Uint8Array {
    const { dataset: { shape }, pixels, placement } = this.#source
    if (!pixels) throw new TypeError('this batch has no pixels')
    const positions = slicePositions(this.#rows.pixelPositions, start, end)
    target ??= new Uint8Array((end - start) * valueCount(placement.padded))
    if (placement.isChange) gatherPlaced(pixels, shape, positions, target, placement)
    else gatherRows(pixels, valueCount(shape), positions, target)
    return target
  }

  slice (start: number, end: number): Batch {
    const { positions, pixelPositions, real } = this.#rows
    return new SelectedBatch(this.#source, {
      positions: slicePositions(positions, start, end),
      pixelPositions: slicePositions(pixelPositions, start, end),
      real: Math.min(Math.max(real - start, 0), end - start)
    })
  }

  #selectImages (): Tensor<PixelValues> {
    const { dataset, pixels, placement, selection } = this.#source
    const { normalization, dtype, images } = selection
    const { positions } = this.#rows
    const shape = [positions.count, ...imageDimensions(dataset, selection)]
    if (images && 'values' in images) return pooledTensor(shape, images.values)
    const stored = placement.isChange || images ? undefined : pixels
    const size = valueCount(dataset.shape)
    if (normalization === 'raw') {
      if (!stored) {
        return computedTensor(shape, 'uint8', pixels => { this.copyPixels(0, positions.count, pixels) })
      }
      return positions.ids
        ? gatheredTensor(shape, stored, size, positions)
        : viewTensor(shape, 'uint8', viewRows(stored, size, positions))
    }
    const normalized = stored && floatNormalization(dataset, selection)
    if (normalized) {
      return normalizedTensor(shape, stored, size, positions, normalized, values => this.#fillImages(values))
    }
    return computedTensor(shape, dtype, values => this.#fillImages(values))
  }

  /** Gathers and normalizes a few images at a time. */
  #fillImages (values: PixelValues): void {
    const { count } = this.#rows.positions
    const size = valueCount(this.#source.placement.padded)
    const step = Math.max(1, Math.floor(SCRATCH_PIXELS / size))
    if (scratch.length < size) scratch = new Uint8Array(size)
    for (let start = 0; start < count; start += step) {
      const end = Math.min(start + step, count)
      const pixels = this.copyPixels(start, end, scratch.subarray(0, (end - start) * size))
      this.normalizer.normalize(pixels, values.subarray(start * size, end * size))
    }
  }
}

function selectLabels (
  { dataset, split: { labels }, selection }: Source,
  { positions: { start, count, ids } }: Rows
): Tensor<Float32Array | BigInt64Array> {
  const labelAt = (i: number): number => labels[ids ? ids[start + i]! : start + i]!
  if (selection.labels === 'index') {
    return computedTensor([count], 'int64', target => {
      // Little-endian halves, since BigInts take long to make.
      const halves = new Uint32Array(target.buffer, target.byteOffset, 2 * count).fill(0)
      for (let i = 0; i < count; i++) halves[2 * i] = labelAt(i)
    })
  }
  const classes = dataset.entry.classes.length
  return computedTensor([count, classes], 'float32', rows => {
    rows.fill(0)
    // Without calls for each row, since every page has these.
    if (ids) for (let i = 0; i < count; i++) rows[i * classes + labels[ids[start + i]!]!] = 1
    else for (let i = 0; i < count; i++) rows[i * classes + labels[start + i]!] = 1
  })
}

function selectIdTensor ({ positions: { start, count, ids } }: Rows): Tensor<Int32Array> {
  return computedTensor([count], 'int32', target => {
    if (ids) target.set(ids.subarray(start, start + count))
    else for (let i = 0; i < count; i++) target[i] = start + i
  })
}

function selectMask ({ positions: { count }, real }: Rows): Tensor<Uint8Array> {
  return computedTensor([count], 'uint8', mask => { mask.fill(1, 0, real).fill(0, real) })
}
