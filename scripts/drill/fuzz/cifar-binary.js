import { gzipSync } from 'node:zlib'
import { cifar } from '../../../dist/decode/cifar-binary.js'
import { fileInMemory } from '../../../dist/decode/dataset-format.js'
import { mutate } from './mutate.js'

const layout = { shape: { channels: 3, rows: 1, columns: 2 }, train: 10, test: 2 }
const entry = { classes: ['a', 'b', 'c'], layout, files: [] }
const batches = ['data_batch_2', 'data_batch_1', 'test_batch', 'data_batch_3', 'data_batch_5', 'data_batch_4']
const records = Buffer.from([2, 1, 2, 3, 4, 5, 6, 0, 6, 5, 4, 3, 2, 1])
const tar = Buffer.concat([
  ...batches.flatMap(name => member(`batches/${name}.bin`, '0', records)),
  ...member('batches/', '5', Buffer.alloc(0)),
  ...member('@LongLink', 'L', Buffer.from('a long name\0')),
  ...member('readme', '0', Buffer.alloc(600, 'x')),
  Buffer.alloc(1024)
])
const originals = [tar, gzipSync(tar)]

export async function read (random) {
  const bytes = mutate(originals[random() % originals.length], random)
  try {
    const { train, test } = await cifar.decode([fileInMemory('fuzzed', bytes)], entry)
    const labels = [...train.labels, ...test.labels]
    if (train.images.length !== 60 || labels.some(label => label > 2)) throw new Error(`labels ${labels}`)
    return true
  } catch (error) {
    if (error.code === 'invalid_file') return false
    throw error
  }
}

function member (name, type, content) {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write(`        ${type}`, 148)
  header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0`, 148)
  return [header, content, Buffer.alloc(-content.length & 511)]
}
