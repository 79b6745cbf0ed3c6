import t from 'tap'
import { encodeIdx, idxByteLength, parseIdx } from '../../src/decode/idx.ts'
import { idxFile } from '../fixtures/tiny-dataset.ts'

const MiB = 1 << 20

t.test('parseIdx returns dimensions, and data as a view', async t => {
  // In the middle of a larger buffer, like a file in Node's buffer pool.
  const file = idxFile([2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 6))
  const pool = Buffer.concat([Buffer.alloc(3, 0xee), file, Buffer.alloc(5, 0xee)])
  const { dimensions, data } = parseIdx(pool.subarray(3, -5))
  t.same(dimensions, [2, 1, 3])
  t.same([...data], [1, 2, 3, 4, 5, 6])
  t.equal(data.buffer, pool.buffer, 'not a copy')
  t.equal(parseIdx(pool.subarray(3, -5)).data.length + 16, idxByteLength([2, 1, 3]))
})

t.test('parseIdx accepts zero samples', async t => {
  const { dimensions, data } = parseIdx(idxFile([0, 28, 28], new Uint8Array(0)))
  t.same(dimensions, [0, 28, 28])
  t.equal(data.length, 0)
})

t.test('parseIdx rejects malformed files, with the reason', async t => {
  const good = idxFile([2, 2], Uint8Array.of(1, 2, 3, 4))
  const cases: Array<[what: string, bytes: Uint8Array, reason: RegExp]> = [
    ['empty file', new Uint8Array(0), /starts with nothing, expected 00 00 08/],
    ['incomplete magic number', good.subarray(0, 3), /starts with 00 00 08, expected/],
    ['another magic number', Buffer.from('PK\x03\x04 and more'), /starts with 50 4b 03 04/],
    ['little-endian magic number', Uint8Array.of(1, 8, 0, 0, 1, 0, 0, 0, 7), /starts with 01 08 00 00/],
    ['32-bit integers', Uint8Array.of(0, 0, 0x0c, 1, 0, 0, 0, 1, 0, 0, 0, 7), /starts with 00 00 0c 01/],
    ['no dimensions', Uint8Array.of(0, 0, 8, 0, 7), /header of 0 dimensions in 5 bytes/],
    ['truncated header', good.subarray(0, 11), /header of 2 dimensions in 11 bytes/],
    ['255 dimensions, and nothing else', Uint8Array.of(0, 0, 8, 255), /header of 255 dimensions in 4 bytes/],
    ['images without rows', idxFile([2, 0, 5], Buffer.alloc(0)), /header of 2×0×5: nothing in each row/],
    ['images without columns', idxFile([2, 5, 0], Buffer.alloc(0)), /header of 2×5×0: nothing in each row/],
    ['images without pixels', idxFile([0, 0, 0], Buffer.alloc(0)), /header of 0×0×0: nothing in each row/],
    ['too little data', good.subarray(0, -1), /has 3 bytes of data, but its IDX header says 2×2 = 4/],
    ['too much data', Buffer.concat([good, Uint8Array.of(9)]), /has 5 bytes of data, but its IDX header says 2×2 = 4/],
    ['a zero dimension, but data', idxFile([0, 2], Uint8Array.of(1)),
      /has 1 bytes of data, but its IDX header says 0×2 = 0/]
  ]
  for (const [what, bytes, reason] of cases) {
    t.throws(() => parseIdx(bytes), { code: 'invalid_file', message: reason }, what)
  }
})

t.test('parseIdx allocates nothing for absurd dimensions', async t => {
  const huge = 0xffffffff
  const before = process.memoryUsage().arrayBuffers
  t.throws(() => parseIdx(idxFile([huge, huge, huge, huge], Uint8Array.of(1, 2))), {
    code: 'invalid_file',
    message: /has 2 bytes of data, but/
  })
  // 2¹⁶·2¹⁶ overflows to 0 in 32 bits, which would be a valid empty array.
  t.throws(() => parseIdx(idxFile([0x10000, 0x10000], new Uint8Array(0))), {
    code: 'invalid_file',
    message: /65536×65536 = 4294967296/
  })
  t.ok(process.memoryUsage().arrayBuffers - before < MiB)
})

t.test('parseIdx reads big-endian 32-bit integers', async t => {
  const file = Buffer.from('00000c02' + '0000000200000002' + '00000001ffffffff7fffffff80000000', 'hex')
  const { dimensions, data } = parseIdx(file, 'int32')
  t.same(dimensions, [2, 2])
  t.same(data, Int32Array.of(1, -1, 0x7fffffff, -0x80000000))
  t.equal(idxByteLength([2, 2], 'int32'), file.length)
  t.throws(() => parseIdx(file.subarray(0, -1), 'int32'), {
    code: 'invalid_file',
    message: 'has 15 bytes of data, but its IDX header says 2×2 = 4 of 4 bytes'
  })
  t.throws(() => parseIdx(file), {
    code: 'invalid_file',
    message: 'is not IDX of unsigned bytes: starts with 00 00 0c 02, expected 00 00 08'
  })
  t.throws(() => parseIdx(idxFile([1], Uint8Array.of(1)), 'int32'), {
    code: 'invalid_file',
    message: 'is not IDX of 32-bit integers: starts with 00 00 08 01, expected 00 00 0c'
  })
})

t.test('encodeIdx is the inverse of parseIdx', async t => {
  for (const [dimensions, data] of [[[2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)], [[0], new Uint8Array(0)]] as const) {
    const file = encodeIdx(dimensions, data)
    t.same(parseIdx(file), { dimensions, data })
    t.same(Buffer.from(file), idxFile(dimensions, data))
  }
})
