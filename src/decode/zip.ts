import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { RandomAccessReader, fromRandomAccessReader, type Entry, type ZipFile } from 'yauzl'

const CHUNK_BYTES = 1 << 20

/** An open zip file: a file handle, or bytes in memory. */
export interface ZipHandle {
  stat (): Promise<{ readonly size: number }>
  read (buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
  close (): Promise<void>
}

/**
 * Reads one entry of a zip file into memory.
 *
 * @param handle stays open
 * @param limit most bytes of the entry, uncompressed
 * @throws Error with the reason: no such entry, too large, encrypted, corrupt
 */
export async function readZipEntry (handle: ZipHandle, name: string, limit: number): Promise<Uint8Array> {
  const { size } = await handle.stat()
  const zip = await openZip(new BoundedReader(handle, size), size)
  const entry = await findEntry(zip, name)
  if (!entry) throw new Error(`has no entry ${name}`)
  const { uncompressedSize } = entry
  if (uncompressedSize > limit) throw new Error(`has ${uncompressedSize} bytes in ${name}, expected at most ${limit}`)
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw new Error(`has an encrypted ${name}`)
  const stream = await promisify<Entry, Readable>(zip.openReadStream.bind(zip))(entry)
  // The stream fails unless it has that size.
  const content = Buffer.allocUnsafeSlow(uncompressedSize)
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    content.set(chunk, length)
    length += chunk.length
  }
  return content
}

/** Serves yauzl only ranges within the file. It takes offsets from the zip itself, and would crash on absurd ones. */
class BoundedReader extends RandomAccessReader {
  readonly #handle: ZipHandle
  readonly #size: number

  constructor (handle: ZipHandle, size: number) {
    super()
    this.#handle = handle
    this.#size = size
  }

  override _readStreamForRange (start: number, end: number): Readable {
    return Readable.from(this.#chunks(start, end))
  }

  async * #chunks (start: number, end: number): AsyncGenerator<Uint8Array> {
    if (!this.#contains(start, end - start)) throw new Error('has an entry beyond its end')
    for (let position = start; position < end;) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position))
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) throw new Error('ends early')
      yield buffer.subarray(0, bytesRead)
      position += bytesRead
    }
  }

  override read (
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void
  ): void {
    if (!this.#contains(position, length)) return callback(new Error('has a structure beyond its end'))
    this.#handle.read(buffer, offset, length, position).then(
      ({ bytesRead }) => callback(bytesRead === length ? null : new Error('ends early')),
      callback
    )
  }

  #contains (position: number, length: number): boolean {
    return position >= 0 && length > 0 && position + length <= this.#size
  }
}

function openZip (reader: BoundedReader, size: number): Promise<ZipFile> {
  const options = { lazyEntries: true, autoClose: false, validateEntrySizes: true }
  return new Promise((resolve, reject) => {
    fromRandomAccessReader(reader, size, options, (error, zip) => error ? reject(error) : resolve(zip!))
  })
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
