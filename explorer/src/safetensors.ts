/** Little-endian tensors, by name. */
export interface Tensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** The tensors of a safetensors body, as views of it. */
export function readSafetensors (body: ArrayBuffer): Readonly<Record<string, Tensor | undefined>> {
  const start = 8 + Number(new DataView(body).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 8, start - 8)))
  const tensors: Record<string, Tensor> = {}
  for (const [name, entry] of Object.entries<any>(header)) {
    if (name === '__metadata__') continue
    const [from, to] = entry.data_offsets
    tensors[name] = { dtype: entry.dtype, shape: entry.shape, bytes: new Uint8Array(body, start + from, to - from) }
  }
  return tensors
}

export function asInt32 ({ bytes }: Tensor): Int32Array {
  return new Int32Array(bytes.slice().buffer)
}

export function asFloat32 ({ bytes }: Tensor): Float32Array {
  return new Float32Array(bytes.slice().buffer)
}

/** int64 values that fit a number. */
export function asNumbers ({ bytes }: Tensor): number[] {
  return Array.from(new BigInt64Array(bytes.slice().buffer), Number)
}
