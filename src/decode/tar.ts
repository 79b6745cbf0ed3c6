import { ServiceError } from '../errors.ts'

/** A member of a tar archive. */
export interface TarMember {
  readonly name: string
  readonly size: number
  readonly isFile: boolean
  /** The content in chunks. Whatever is not read is skipped. */
  readonly content: AsyncIterable<Uint8Array>
}

const BLOCK = 512

/** Largest member that carries the attributes of the next one. */
const ATTRIBUTES_LIMIT = 1 << 16

/**
 * Lists a tar archive (POSIX.1-2017, pax, with the long names of GNU tar), member by member and in its order.
 *
 * @param limit most bytes of the archive, so that a bomb is not read to its end
 * @throws ServiceError invalid_file, which names the member
 */
export async function * readTar (chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<TarMember> {
  const reader = new BlockReader(chunks, limit)
  try {
    yield * readMembers(reader)
  } finally {
    await reader.close()
  }
}

async function * readMembers (reader: BlockReader): AsyncGenerator<TarMember> {
  let longName: string | undefined
  for (;;) {
    const header = await reader.take(BLOCK)
    // Two blocks of zeros end an archive; some writers leave them out.
    if (header.length === 0 || header.every(byte => byte === 0)) return
    if (header.length < BLOCK || checksum(header) !== octal(header, 148, 8)) {
      throw invalid(`is not a tar archive after ${reader.current}`)
    }
    const type = String.fromCharCode(header[156]!)
    const size = octal(header, 124, 12)
    const name = longName ?? memberName(header)
    if (!Number.isSafeInteger(size)) throw invalid(`has ${name} of unknown size`)
    reader.start(name, size)
    if (type === 'L' || type === 'x') {
      if (size > ATTRIBUTES_LIMIT) throw invalid(`has ${size} bytes of attributes of ${name}`)
      const attributes = Buffer.from(await reader.take(size)).toString()
      longName = type === 'L' ? attributes.replace(/\0.*$/s, '') : /^\d+ path=(.*)$/m.exec(attributes)?.[1] ?? longName
    } else {
      longName = undefined
      yield { name, size, isFile: type === '0' || type === '\0', content: reader.content() }
    }
    await reader.skip()
  }
}

/** Cuts chunks of any length where members start and end. */
class BlockReader {
  /** Where the reader is, for messages. */
  current = 'its start'
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #limit: number
  #chunk: Uint8Array = new Uint8Array(0)
  #bytes = 0
  /** Bytes left of the current member, without and with its padding. */
  #left = 0
  #padded = 0

  constructor (chunks: AsyncIterable<Uint8Array>, limit: number) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#limit = limit
  }

  async close (): Promise<void> {
    await this.#chunks.return?.()
  }

  start (name: string, size: number): void {
    this.current = name
    this.#left = size
    this.#padded = Math.ceil(size / BLOCK) * BLOCK
  }

  /** The next bytes in one array; fewer at the end of the archive. */
  async take (count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (let missing = count; missing > 0;) {
      const part = await this.#next(missing)
      if (!part) break
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  async * content (): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) yield await this.#nextOfMember(this.#left)
  }

  async skip (): Promise<void> {
    while (this.#padded > 0) await this.#nextOfMember(this.#padded)
  }

  async #nextOfMember (most: number): Promise<Uint8Array> {
    const part = await this.#next(most)
    if (!part) throw invalid(`ends within ${this.current}`)
    return part
  }

  async #next (most: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next().catch(cause => {
        throw invalid(`${cause.message}, in ${this.current}`, cause)
      })
      if (done) return undefined
      this.#chunk = value
      this.#bytes += value.length
      if (this.#bytes > this.#limit) throw invalid(`has more than ${this.#limit} bytes, in ${this.current}`)
    }
    const part = this.#chunk.subarray(0, most)
    this.#chunk = this.#chunk.subarray(part.length)
    this.#left = Math.max(0, this.#left - part.length)
    this.#padded -= part.length
    return part
  }
}

function memberName (header: Uint8Array): string {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : ''
  return prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`
}

function text (header: Uint8Array, start: number, length: number): string {
  return Buffer.from(header.subarray(start, start + length)).toString().replace(/\0.*$/s, '')
}

/** NaN if it is not an octal number. */
function octal (header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim()
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN
}

/** The sum of all bytes, those of the checksum itself counted as spaces. */
function checksum (header: Uint8Array): number {
  return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0)
}

function invalid (reason: string, cause?: unknown): ServiceError {
  return new ServiceError('invalid_file', reason, { cause })
}
