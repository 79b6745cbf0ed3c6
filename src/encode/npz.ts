import { crc32 } from 'node:zlib'
import type { Batch } from '../batch/batch.ts'
import { pool } from '../io/buffer-pool.ts'
import { yieldToEventLoop } from '../io/event-loop.ts'
import { piecesOf, type Body, type Part } from './body.ts'
import type { BatchFormat } from './format.ts'
import { npyHeader } from './npy.ts'
import { isWhole } from './slices.ts'
import { tensorsOf } from './tensors.ts'

/**
 * A zip of stored (uncompressed) NPY members, as `numpy.savez` makes it (APPNOTE.TXT 6.3, 4.3): a local header, name and
 * NPY file each, then the central directory. All dates are 1980-01-01, so equal batches have equal bytes.
 */
export const npz: BatchFormat = {
  name: 'npz',
  mediaType: 'application/x-npz',
  encode (batch) {
    const making = make(batch)
    return isWhole(batch) ? atOnce(making) : inTurns(making)
  }
}

/**
 * A checksum stands before its data, so the slices of a large batch are made for that, and once more to be sent. Others may
 * have their turn after each of them.
 */
function * make (batch: Batch): Generator<void, Body> {
  const whole = isWhole(batch)
  const parts: Part[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, shape, dtype, bytes, part } of tensorsOf(batch)) {
    const header = npyHeader(shape, dtype)
    const again = typeof part === 'function' && !whole
    const made: Uint8Array[] = []
    let crc = crc32(header)
    for (const piece of piecesOf([part])) {
      crc = crc32(piece, crc)
      if (again) pool.giveBack(piece.buffer)
      else made.push(piece)
      yield
    }
    const member: Member = { name: `${name}.npy`, offset, size: header.length + bytes, crc }
    const start = Buffer.concat([localHeader(member), header])
    parts.push(start, ...(again ? [part] : made))
    directory.push(directoryEntry(member))
    offset += start.length + bytes
  }
  const entries = Buffer.concat(directory)
  const end = Buffer.concat([entries, directoryEnd(directory.length, entries.length, offset)])
  return { bytes: offset + end.length, parts: [...parts, end] }
}

function atOnce (making: Generator<void, Body>): Body {
  let step = making.next()
  while (!step.done) step = making.next()
  return step.value
}

async function inTurns (making: Generator<void, Body>): Promise<Body> {
  let step = making.next()
  for (; !step.done; step = making.next()) await yieldToEventLoop()
  return step.value
}

interface Member {
  readonly name: string
  /** Bytes from the start of the archive to its local header. */
  readonly offset: number
  readonly size: number
  readonly crc: number
}

const VERSION = 20
const DATE_1980 = 0x21

/** 30 bytes and the name. */
function localHeader (member: Member): Buffer {
  const header = Buffer.alloc(30 + member.name.length)
  header.writeUInt32LE(0x04034b50, 0)
  writeCommon(header, 4, member)
  header.write(member.name, 30, 'latin1')
  return header
}

/** 46 bytes and the name. */
function directoryEntry (member: Member): Buffer {
  const entry = Buffer.alloc(46 + member.name.length)
  entry.writeUInt32LE(0x02014b50, 0)
  entry.writeUInt16LE(VERSION, 4)
  writeCommon(entry, 6, member)
  entry.writeUInt32LE(member.offset, 42)
  entry.write(member.name, 46, 'latin1')
  return entry
}

/** What both headers say of a member, 26 bytes: version, flags, method, time, date, CRC-32, sizes, name's length. */
function writeCommon (target: Buffer, at: number, { name, size, crc }: Member): void {
  target.writeUInt16LE(VERSION, at)
  target.writeUInt16LE(DATE_1980, at + 8)
  target.writeUInt32LE(crc, at + 10)
  target.writeUInt32LE(size, at + 14)
  target.writeUInt32LE(size, at + 18)
  target.writeUInt16LE(name.length, at + 22)
}

/** 22 bytes. */
function directoryEnd (count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return end
}
