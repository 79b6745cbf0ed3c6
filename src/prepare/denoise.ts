import type { Denoiser } from '../dataset/entry.ts'
import { tf, values } from './tensor.ts'

export type Filter = (images: tf.Tensor3D) => tf.Tensor3D
type Triple = [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]

/** 3×3 filters on n×rows×columns images of whole numbers 0 … 255, whole numbers out. Borders repeat the outermost pixel. */
export const filters: Readonly<Record<Exclude<Denoiser, 'none'>, Filter>> = { median3, gaussian }

/** Filters u8 images of shape n×rows×columns in place. */
export function denoise (images: Uint8Array, shape: [number, number, number], filter: Filter): void {
  images.set(values(() => filter(tf.tensor3d(new Float32Array(images), shape))))
}

/**
 * The median of the 3×3 neighbourhood, as `scipy.ndimage.median_filter(size=3)` gives it. Sorting each column of three
 * once serves three windows: the median of nine is the median of (largest of the lows, median of the middles,
 * smallest of the highs). Only minima and maxima, so every backend gives the same bits.
 */
function median3 (images: tf.Tensor3D): tf.Tensor3D {
  const { low, mid, high } = sort3(shifted(images, 1))
  const lows = sort3(shifted(low, 2))
  const mids = sort3(shifted(mid, 2))
  const highs = sort3(shifted(high, 2))
  return sort3([lows.high, mids.mid, highs.low]).mid
}

/**
 * The binomial kernel [1 2 1]ᵀ[1 2 1]/16 (σ ≈ 0.85), rounded half up: floor((weighted sum)/16 + ½), as OpenCV's
 * `GaussianBlur` with a 3×3 kernel, σ = 0 and replicated borders. The sums are whole numbers below 2¹², so every backend gives the same bits.
 */
function gaussian (images: tf.Tensor3D): tf.Tensor3D {
  const sums = weigh121(weigh121(images, 1), 2)
  return tf.floor(tf.add<tf.Tensor3D>(tf.mul(sums, 1 / 16), 0.5))
}

function weigh121 (images: tf.Tensor3D, axis: 1 | 2): tf.Tensor3D {
  const [before, here, after] = shifted(images, axis)
  return tf.add(tf.add(before, after), tf.add(here, here))
}

/** Sorts three images pixel by pixel; each result is computed when it is asked for. */
function sort3 ([a, b, c]: Triple) {
  const smaller = tf.minimum<tf.Tensor3D>(a, b)
  const larger = tf.maximum<tf.Tensor3D>(a, b)
  return {
    get low (): tf.Tensor3D { return tf.minimum(smaller, c) },
    get mid (): tf.Tensor3D { return tf.maximum<tf.Tensor3D>(smaller, tf.minimum(larger, c)) },
    get high (): tf.Tensor3D { return tf.maximum(larger, c) }
  }
}

/** Each pixel's neighbour before it, itself, and its neighbour after it, along one axis. */
function shifted (images: tf.Tensor3D, axis: 1 | 2): Triple {
  const margin: Array<[number, number]> = [[0, 0], [0, 0], [0, 0]]
  margin[axis] = [1, 1]
  const padded = tf.mirrorPad(images, margin, 'symmetric')
  const from = (offset: number): tf.Tensor3D => tf.slice(padded, [0, axis === 1 ? offset : 0, axis === 2 ? offset : 0], images.shape)
  return [from(0), images, from(2)]
}
