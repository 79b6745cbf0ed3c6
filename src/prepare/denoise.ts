import { planeSize, type PlaneSize } from '../dataset/image-shape.ts'
import type { Denoiser } from '../dataset/settings.ts'
import { tf, values } from './tensorflow.ts'

type Triple = [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]

/** 3×3 filters from integers 0 … 255 to integers 0 … 255; the border is padded with the outermost pixels. */
const filters: Readonly<Record<Exclude<Denoiser, 'none'>, (images: tf.Tensor3D) => tf.Tensor3D>> = { median3, gaussian }

/**
 * Filters u8 planes of n·rows·columns.
 *
 * @returns u8 planes in a new array; the given array for `none`
 */
export function denoise (images: Uint8Array, size: PlaneSize, denoiser: Denoiser): Uint8Array {
  if (denoiser === 'none') return images
  const shape: [number, number, number] = [images.length / planeSize(size), size.rows, size.columns]
  return new Uint8Array(values(() => filters[denoiser](tf.tensor3d(new Float32Array(images), shape))))
}

/**
 * The median of the 3×3 neighbourhood, equal to `scipy.ndimage.median_filter(size=3)`. Each column of three is sorted
 * once for the three windows that contain it: the median of nine is the median of the largest low, the median middle
 * and the smallest high. Minima and maxima are exact on every backend.
 */
function median3 (images: tf.Tensor3D): tf.Tensor3D {
  const { low, mid, high } = sort3(shifted(images, 1))
  const lows = sort3(shifted(low, 2))
  const mids = sort3(shifted(mid, 2))
  const highs = sort3(shifted(high, 2))
  return sort3([lows.high, mids.mid, highs.low]).mid
}

/**
 * The binomial kernel [1 2 1]ᵀ[1 2 1]/16 (σ ≈ 0.85), rounded half up: floor((weighted sum)/16 + ½), equal to OpenCV's
 * `GaussianBlur` with a 3×3 kernel, σ = 0 and replicated borders. The sums are integers below 2¹², exact on every
 * backend.
 */
function gaussian (images: tf.Tensor3D): tf.Tensor3D {
  const sums = weigh121(weigh121(images, 1), 2)
  return tf.floor(tf.add<tf.Tensor3D>(tf.mul(sums, 1 / 16), 0.5))
}

function weigh121 (images: tf.Tensor3D, axis: 1 | 2): tf.Tensor3D {
  const [before, here, after] = shifted(images, axis)
  return tf.add(tf.add(before, after), tf.add(here, here))
}

/** Sorts three images pixel by pixel. Each result is computed on access, since most callers need one. */
function sort3 ([a, b, c]: Triple) {
  const smaller = tf.minimum<tf.Tensor3D>(a, b)
  const larger = tf.maximum<tf.Tensor3D>(a, b)
  return {
    get low (): tf.Tensor3D { return tf.minimum(smaller, c) },
    get mid (): tf.Tensor3D { return tf.maximum<tf.Tensor3D>(smaller, tf.minimum(larger, c)) },
    get high (): tf.Tensor3D { return tf.maximum(larger, c) }
  }
}

/** The images shifted by −1, 0 and 1 along one axis: each pixel's predecessor, the pixel itself and its successor. */
function shifted (images: tf.Tensor3D, axis: 1 | 2): Triple {
  const margin: Array<[number, number]> = [[0, 0], [0, 0], [0, 0]]
  margin[axis] = [1, 1]
  const padded = tf.mirrorPad(images, margin, 'symmetric')
  const sliceFrom = (offset: number): tf.Tensor3D => {
    return tf.slice(padded, [0, axis === 1 ? offset : 0, axis === 2 ? offset : 0], images.shape)
  }
  return [sliceFrom(0), images, sliceFrom(2)]
}
