import { mix } from '../../dist/dataset/mix.js'

/** u32 numbers that a seed stands for. */
export function randomNumbers (seed) {
  let n = 0
  const key = mix(seed)
  return () => mix(mix(n++ ^ key) + key)
}

/** Some bytes that were right, and are not quite any more; now and then they still are. */
export function mutate (bytes, random) {
  let mutated = Buffer.from(bytes)
  for (let changes = random() % 5; changes > 0; changes--) mutated = mutations[random() % mutations.length](mutated, random)
  return mutated
}

const mutations = [
  (bytes, random) => changed(bytes, at => { bytes[at] ^= 1 << random() % 8 }, random),
  (bytes, random) => changed(bytes, at => { bytes[at] = random() }, random),
  (bytes, random) => changed(bytes, at => { bytes[at] = [0, 0xff, 0x7f, 0x80][random() % 4] }, random),
  // What says how much there is mostly stands near one of the ends.
  (bytes, random) => changed(bytes, () => { bytes[random() % Math.min(32, bytes.length)] = random() }, random),
  (bytes, random) => changed(bytes, () => { bytes[bytes.length - 1 - random() % Math.min(32, bytes.length)] = random() }, random),
  (bytes, random) => bytes.subarray(0, random() % (bytes.length + 1)),
  (bytes, random) => bytes.subarray(random() % (bytes.length + 1)),
  (bytes, random) => spliced(bytes, random, Buffer.alloc(0)),
  (bytes, random) => spliced(bytes, random, part(bytes, random)),
  (bytes, random) => spliced(bytes, random, Buffer.from(Array.from({ length: random() % 9 }, random))),
  (bytes, random) => Buffer.concat([bytes, part(bytes, random)])
]

function changed (bytes, change, random) {
  if (bytes.length > 0) change(random() % bytes.length)
  return bytes
}

function part (bytes, random) {
  const start = random() % (bytes.length + 1)
  return bytes.subarray(start, start + random() % 64)
}

function spliced (bytes, random, middle) {
  const start = random() % (bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, start), middle, bytes.subarray(start + random() % 16)])
}
