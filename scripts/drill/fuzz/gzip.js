import { gzipSync } from 'node:zlib'
import { gunzip } from '../../../dist/decode/gunzip.js'
import { mutate } from './mutate.js'

const LIMIT = 1 << 12
const originals = [
  ...[0, 1, 100, LIMIT].map(size => gzipSync(Buffer.from(Array.from({ length: size }, (_, i) => i * i)))),
  gzipSync(Buffer.alloc(LIMIT, 'a')),
  gzipSync(Buffer.alloc(LIMIT, 'stored'), { level: 0 }),
  // Gzip bombs.
  gzipSync(Buffer.alloc(LIMIT + 1)),
  gzipSync(Buffer.alloc(1 << 24)),
  Buffer.concat([gzipSync(Buffer.from('two')), gzipSync(Buffer.from('members'))])
]

export async function read (random) {
  try {
    const content = await gunzip(mutate(originals[random() % originals.length], random), LIMIT)
    if (content.length > LIMIT) throw new Error(`${content.length} bytes`)
    return true
  } catch (error) {
    if (error.code === 'invalid_file') return false
    throw error
  }
}
