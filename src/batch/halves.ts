import type { Codebook, Normalization, PreparedDataset } from '../dataset/entry.ts'
import { pool } from '../io/buffer-pool.ts'
import { float16Bits } from './float16.ts'
import type { Frame } from './pad.ts'

/** The values of a normalization as float16. */
export interface HalfCodebook extends Codebook {
  /** u16 bits, positions·256: at a position, the values of all levels. 392 KiB for a mean image of 784 pixels. */
  readonly bits: Uint16Array
}

const known = new WeakMap<Codebook, HalfCodebook>()

/** Made when it is first asked for, from the float32 values, and kept: 200,704 roundings for 28×28, and never one again. */
export function halfCodebook ({ levels }: PreparedDataset, normalization: Normalization, { meanImage, codebooks }: Frame): HalfCodebook {
  const floats = codebooks[normalization]
  let halves = known.get(floats)
  if (!halves) known.set(floats, halves = { positions: floats.positions, bits: halvesOf(normalization === 'standard' ? levels.standard : levels.unit, floats, normalization === 'centered' ? meanImage : undefined) })
  return halves
}

function halvesOf (byLevel: Float32Array, { positions }: Codebook, meanImage: Float32Array | undefined): Uint16Array {
  return new Uint16Array(positions * 256).map((_, i) => {
    const value = byLevel[i & 255]!
    return float16Bits(meanImage ? Math.fround(value - meanImage[i >>> 8]!) : value)
  })
}

/** u8 levels of whole images → u16 bits of as many. */
export function lookUpHalves (levels: Uint8Array, { positions, bits }: HalfCodebook): Uint16Array {
  const halves = pool.take(Uint16Array, levels.length)
  for (let i = 0; i < levels.length;) {
    for (let position = 0; position < positions; position++, i++) halves[i] = bits[(position << 8) | levels[i]!]!
  }
  return halves
}
