import { open, rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { readZipEntry } from '../../../dist/decode/zip.js'
import { mutate } from './mutate.js'

const LIMIT = 1 << 12
const NAME = 'gzip/b.gz'
const path = join(tmpdir(), randomUUID())
const file = await open(path, 'wx+')
await rm(path)
const originals = await Promise.all([
  createZip({ compress: true, forceZip64Format: true }),
  createZip({ compress: true, forceZip64Format: false }),
  createZip({ compress: false, forceZip64Format: true }),
  createZip({ compress: false, forceZip64Format: false })
])

export async function read (random) {
  const bytes = mutate(originals[random() % originals.length], random)
  await file.truncate(0)
  await file.write(bytes, 0, bytes.length, 0)
  try {
    const content = await readZipEntry(file, NAME, LIMIT)
    if (content.length > LIMIT) throw new TypeError(`${content.length} bytes`)
    return true
  } catch (error) {
    // Errors of yauzl are plain, unlike those of a bug.
    if (error.constructor === Error && error.message !== '') return false
    throw error
  }
}

// Other content would change the inputs of recorded seeds.
async function createZip ({ compress, forceZip64Format }) {
  const zip = new ZipFile()
  const options = { compress, forceZip64Format, mtime: new Date(0) }
  zip.addBuffer(Buffer.from('something else'), 'a', options)
  zip.addBuffer(Buffer.alloc(2000, 'what is wanted'), NAME, options)
  zip.addBuffer(Buffer.alloc(LIMIT + 1), 'large', options)
  zip.end({ forceZip64Format })
  return await buffer(zip.outputStream)
}
