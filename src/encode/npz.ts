import { crc32 } from 'node:zlib'
import { PAUSE, bytesOfChunk, type Chunk } from '../memory/chunk.ts'
import { sumByteLengths, type BatchFormat } from './format.ts'
import { npyHeader } from './npy.ts'
import { namedTensors, type NamedTensor } from './tensors.ts'

/**
 * A zip of stored (uncompressed) NPY members, as `numpy.savez` writes it (APPNOTE.TXT 6.3, 4.3):
 *
 *     per member   local header, NPY header, elements, data descriptor
 *     at the end   central directory, end of central directory
 *
 * The descriptor allows for writing in one pass, since it has the CRC-32 after the data. Sizes are known in advance, so
 * the local header has them. All dates are 1980-01-01: equal batches have equal bytes.
 */
export const npz: BatchFormat = {
  name: 'npz',
  mediaType: 'application/x-npz',
  // Sizes and offsets have 32 bits.
  maxBytes: 2 ** 32 - 1,
  encode (batch) {
    const members = planMembers(namedTensors(batch))
    const directoryOffset = sumByteLengths(members)
    const directoryLength = members.reduce((sum, { name }) => sum + DIRECTORY_ENTRY + name.length, 0)
    return {
      byteLength: directoryOffset + directoryLength + END,
      chunks: encodeChunks(members, directoryOffset, directoryLength)
    }
  }
}

interface Member {
  readonly name: string
  /** Bytes from the start of the archive to the local header. */
  readonly offset: number
  /** Bytes from the local header to the end of the data descriptor. */
  readonly byteLength: number
  /** Bytes of the NPY file. */
  readonly size: number
  readonly npyHeader: Uint8Array
  readonly elements: Iterable<Chunk>
}

function planMembers (tensors: readonly NamedTensor[]): Member[] {
  let offset = 0
  return tensors.map(tensor => {
    const name = `${tensor.name}.npy`
    const header = npyHeader(tensor.shape, tensor.dtype)
    const size = header.length + tensor.byteLength
    const byteLength = LOCAL_HEADER + name.length + size + DESCRIPTOR
    const member = { name, offset, byteLength, size, npyHeader: header, elements: tensor.chunks }
    offset += byteLength
    return member
  })
}

/** Bytes whose CRC takes about a millisecond. */
const LARGE_CHUNK = 1 << 20

/** Headers between the elements of two members are one chunk. */
function * encodeChunks (
  members: readonly Member[],
  directoryOffset: number,
  directoryLength: number
): Generator<Chunk> {
  let pending: Uint8Array[] = []
  const directory: Uint8Array[] = []
  for (const member of members) {
    yield Buffer.concat([...pending, localHeader(member), member.npyHeader])
    let crc = crc32(member.npyHeader)
    for (const chunk of member.elements) {
      const bytes = bytesOfChunk(chunk)
      // For no bytes in no memory, zlib returns 0.
      if (bytes.length > 0) crc = crc32(bytes, crc)
      // The consumer may copy the chunk, which takes as long as its CRC.
      if (bytes.length > LARGE_CHUNK) yield PAUSE
      yield chunk
    }
    pending = [dataDescriptor(member, crc)]
    directory.push(directoryEntry(member, crc))
  }
  yield Buffer.concat([...pending, ...directory, directoryEnd(members.length, directoryLength, directoryOffset)])
}

const LOCAL_HEADER = 30
const DESCRIPTOR = 16
const DIRECTORY_ENTRY = 46
const END = 22

const VERSION = 20
/** Bit 3: a data descriptor follows the data. */
const FLAGS = 1 << 3
const DATE_1980 = 0x21

function localHeader (member: Member): Buffer {
  const header = Buffer.alloc(LOCAL_HEADER + member.name.length)
  header.writeUInt32LE(0x04034b50, 0)
  writeShared(header, 4, member, 0)
  header.write(member.name, LOCAL_HEADER, 'latin1')
  return header
}

function dataDescriptor ({ size }: Member, crc: number): Buffer {
  const descriptor = Buffer.alloc(DESCRIPTOR)
  descriptor.writeUInt32LE(0x08074b50, 0)
  descriptor.writeUInt32LE(crc, 4)
  descriptor.writeUInt32LE(size, 8)
  descriptor.writeUInt32LE(size, 12)
  return descriptor
}

function directoryEntry (member: Member, crc: number): Buffer {
  const entry = Buffer.alloc(DIRECTORY_ENTRY + member.name.length)
  entry.writeUInt32LE(0x02014b50, 0)
  entry.writeUInt16LE(VERSION, 4)
  writeShared(entry, 6, member, crc)
  entry.writeUInt32LE(member.offset, 42)
  entry.write(member.name, DIRECTORY_ENTRY, 'latin1')
  return entry
}

/** The 26 bytes that both headers have: version, flags, method, time, date, CRC-32, two sizes, length of the name. */
function writeShared (target: Buffer, at: number, { name, size }: Member, crc: number): void {
  target.writeUInt16LE(VERSION, at)
  target.writeUInt16LE(FLAGS, at + 2)
  target.writeUInt16LE(DATE_1980, at + 8)
  target.writeUInt32LE(crc, at + 10)
  target.writeUInt32LE(size, at + 14)
  target.writeUInt32LE(size, at + 18)
  target.writeUInt16LE(name.length, at + 22)
}

function directoryEnd (count: number, byteLength: number, offset: number): Buffer {
  const end = Buffer.alloc(END)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(byteLength, 12)
  end.writeUInt32LE(offset, 16)
  return end
}
