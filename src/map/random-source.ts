/** Uniform u32 numbers of a seed: xorshift32, which is fast and the same everywhere. */
export function randomSource (seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}
