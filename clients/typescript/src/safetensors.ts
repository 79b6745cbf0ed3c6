import { TruncatedError } from './transport.js'

export type TensorData = Float32Array | Uint16Array | Uint8Array | Int32Array | BigInt64Array

/** Elements in C order. */
export interface Tensor<Data extends TensorData = TensorData> {
  readonly data: Data
  readonly shape: readonly number[]
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const constructors = {
  F32: Float32Array,
  F16: Uint16Array,
  U8: Uint8Array,
  I32: Int32Array,
  I64: BigInt64Array
} as const

/**
 * The tensors of a safetensors file, as views of it. float16 is given as its bits.
 *
 * @throws TruncatedError
 */
export function readTensors (body: ArrayBuffer): Map<string, Tensor> {
  if (body.byteLength < 8) throw new TruncatedError('the body has no header')
  const start = 8 + Number(new DataView(body).getBigUint64(0, true))
  if (body.byteLength < start) throw new TruncatedError('the body ends within its header')
  const header: Record<string, Entry> = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 8, start - 8)))
  const tensors = new Map<string, Tensor>()
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const { dtype, shape, data_offsets: [from, to] } = entry
    if (body.byteLength < start + to) throw new TruncatedError(`the body ends within ${name}`)
    const ArrayType = constructors[dtype as keyof typeof constructors]
    const length = (to - from) / ArrayType.BYTES_PER_ELEMENT
    const isAligned = (start + from) % ArrayType.BYTES_PER_ELEMENT === 0
    const [buffer, offset] = isAligned ? [body, start + from] : [body.slice(start + from, start + to), 0]
    tensors.set(name, { data: new ArrayType(buffer, offset, length), shape })
  }
  return tensors
}
