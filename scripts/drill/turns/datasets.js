/** Folders of IDX files with made-up images: the sizes at which a request or a start might block the event loop. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** About as many pixels in each batch, whatever the size of an image. */
export const datasets = [
  { name: 'mnist', train: 60_000, batchSize: 4096 },
  { name: 'large-256', size: 256, train: 320, test: 40, batchSize: 64 },
  { name: 'large-512', size: 512, train: 80, test: 10, batchSize: 16 },
  { name: 'large-1024', size: 1024, train: 20, test: 5, batchSize: 4 },
  { name: 'many-28', size: 28, train: 240_000, test: 40_000, batchSize: 4096 }
]

export function writeDatasets (folder) {
  for (const { name, size, train, test } of datasets) {
    if (size === undefined) continue
    const path = join(folder, name)
    mkdirSync(path)
    for (const [prefix, count] of [['train', train], ['t10k', test]]) {
      writeFileSync(join(path, `${prefix}-images-idx3-ubyte`), idx([count, size, size], blob))
      writeFileSync(join(path, `${prefix}-labels-idx1-ubyte`), idx([count], i => i % 10))
    }
  }
}

/** Levels as in a scan: runs of black, and gradients that repeat nowhere. */
function blob (i) {
  const value = Math.imul(i >>> 3, 0x9e3779b1) >>> 16
  return value % 5 > 1 ? 0 : (value + 9 * (i % 8)) % 256
}

function idx (dimensions, value) {
  const header = Buffer.alloc(4 + 4 * dimensions.length)
  header.writeUInt32BE(0x0800 + dimensions.length)
  dimensions.forEach((dimension, i) => header.writeUInt32BE(dimension, 4 + 4 * i))
  const data = Uint8Array.from({ length: dimensions.reduce((product, n) => product * n) }, (_, i) => value(i))
  return Buffer.concat([header, data])
}
