import { mix } from '../../../dist/dataset/order.js'

/** A generator of unsigned 32-bit numbers, determined by the seed. */
export function randomNumbers (seed) {
  let n = 0
  const key = mix(seed)
  return () => mix(mix(n++ ^ key) + key)
}

/** Applies up to four mutations, often enough none. */
export function mutate (bytes, random) {
  let mutated = Buffer.from(bytes)
  for (let count = random() % 5; count > 0; count--) {
    const mutation = mutations[random() % mutations.length]
    mutated = mutation(mutated, random)
  }
  return mutated
}

const mutations = [
  // Flip a bit, or overwrite a byte.
  (bytes, random) => change(bytes, at => { bytes[at] ^= 1 << random() % 8 }, random),
  (bytes, random) => change(bytes, at => { bytes[at] = random() }, random),
  (bytes, random) => change(bytes, at => { bytes[at] = [0, 0xff, 0x7f, 0x80][random() % 4] }, random),
  // Overwrite a byte near one of the ends, where formats store lengths.
  (bytes, random) => change(bytes, () => { bytes[random() % Math.min(32, bytes.length)] = random() }, random),
  (bytes, random) => change(bytes, () => {
    bytes[bytes.length - 1 - random() % Math.min(32, bytes.length)] = random()
  }, random),
  // Truncate.
  (bytes, random) => bytes.subarray(0, random() % (bytes.length + 1)),
  (bytes, random) => bytes.subarray(random() % (bytes.length + 1)),
  // Remove, duplicate, insert, append.
  (bytes, random) => splice(bytes, random, Buffer.alloc(0)),
  (bytes, random) => splice(bytes, random, slice(bytes, random)),
  (bytes, random) => splice(bytes, random, Buffer.from(Array.from({ length: random() % 9 }, random))),
  (bytes, random) => Buffer.concat([bytes, slice(bytes, random)])
]

function change (bytes, overwrite, random) {
  if (bytes.length > 0) overwrite(random() % bytes.length)
  return bytes
}

function slice (bytes, random) {
  const start = random() % (bytes.length + 1)
  return bytes.subarray(start, start + random() % 64)
}

function splice (bytes, random, inserted) {
  const start = random() % (bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + random() % 16)])
}
