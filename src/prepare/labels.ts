import { tf, values } from './tensor.ts'

/** One-hot rows of n u8 labels: float32 n·classes. */
export function oneHot (labels: Uint8Array, classes: number): Float32Array {
  if (labels.length === 0) return new Float32Array(0)
  // Not oneHot(…, 'float32'): the wasm backend writes the integer 1 there, which reads as 1.4e-45.
  return values(() => tf.cast(tf.oneHot(tf.tensor1d(new Int32Array(labels), 'int32'), classes), 'float32'))
}
