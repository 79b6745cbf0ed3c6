import { sharedBytes } from './bytes.ts'

/** Unit of WebAssembly memory. */
export const PAGE_BYTES = 1 << 16

/** Smaller arrays are not worth the address space that a memory reserves. */
const MIN_BYTES = 1 << 16

/** Bytes by which a memory may grow, for what kernels write beside the array. */
export const ROOM_BYTES = 28 << 20

/** The most pages that 32-bit addresses reach. */
const MAX_PAGES = 1 << 16

const memories = new WeakMap<ArrayBufferLike, WebAssembly.Memory>()

/**
 * Bytes that threads share, all 0, at the start of a WebAssembly memory of their own, so that kernels can read them. If
 * there is no memory of that size, or no address space for it, they are shared all the same.
 */
export function allocateRows (byteLength: number): Uint8Array<SharedArrayBuffer> {
  const initial = Math.ceil(byteLength / PAGE_BYTES)
  const maximum = initial + ROOM_BYTES / PAGE_BYTES
  if (byteLength < MIN_BYTES || maximum > MAX_PAGES) return sharedBytes(byteLength)
  try {
    const memory = new WebAssembly.Memory({ initial, maximum, shared: true })
    memories.set(memory.buffer, memory)
    return new Uint8Array(memory.buffer as unknown as SharedArrayBuffer, 0, byteLength)
  } catch {
    return sharedBytes(byteLength)
  }
}

/** The memory that an array is in, if there is one. */
export function memoryOf ({ buffer }: ArrayBufferView): WebAssembly.Memory | undefined {
  return memories.get(buffer)
}
