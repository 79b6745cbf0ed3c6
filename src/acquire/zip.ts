import { promisify } from 'node:util'
import { fromFd, type Entry, type Options, type ZipFile } from 'yauzl'

const openZip = promisify<number, Options, ZipFile>(fromFd)

/**
 * Reads one entry of a zip into memory.
 *
 * @param fd an open file; it stays open
 * @param limit bytes that the entry may have at most, uncompressed
 * @throws Error with the reason: no such entry, too large, encrypted, damaged
 */
export async function readZipEntry (fd: number, name: string, limit: number): Promise<Uint8Array> {
  const zip = await openZip(fd, { lazyEntries: true, autoClose: false, validateEntrySizes: true })
  const entry = await findEntry(zip, name)
  if (!entry) throw new Error(`has no entry ${name}`)
  if (entry.uncompressedSize > limit) throw new Error(`says that ${name} has ${entry.uncompressedSize} bytes, at most ${limit} were expected`)
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw new Error(`has ${name} encrypted`)
  const stream = await promisify<Entry, import('node:stream').Readable>(zip.openReadStream.bind(zip))(entry)
  const chunks: Uint8Array[] = []
  for await (const chunk of stream as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function findEntry (zip: ZipFile, name: string): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    zip.on('error', reject)
    zip.on('end', () => resolve(undefined))
    zip.on('entry', (entry: Entry) => {
      if (entry.fileName === name) resolve(entry)
      else zip.readEntry()
    })
    zip.readEntry()
  })
}
