/**
 * What is where in the file that images go through between the server and the process that prepares:
 *
 *     0                  u8       images of all splits
 *     samples·pixels     float32  PLACES chunks of centered images
 */

/** Samples that are denoised or centered at a time: enough to keep the backend busy, few enough to keep memory low. */
export const CHUNK_ROWS = 1000

/** Centered chunks that there is room for, whatever the number of samples: one is written while another is read. */
export const PLACES = 2

/**
 * The position of a centered chunk, after `images` bytes of images that have `size` pixels each. It takes the place of the
 * chunk that is PLACES before it.
 */
export function placeOf (chunk: number, images: number, size: number): number {
  return images + (chunk % PLACES) * chunkBytes(size)
}

/** Bytes of the whole file, for `images` bytes of images that have `size` pixels each. */
export function scratchBytes (images: number, size: number): number {
  return images + PLACES * chunkBytes(size)
}

function chunkBytes (size: number): number {
  return CHUNK_ROWS * size * Float32Array.BYTES_PER_ELEMENT
}
