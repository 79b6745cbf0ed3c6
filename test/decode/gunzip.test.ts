import { crc32, gzipSync } from 'node:zlib'
import t from 'tap'
import { gzip } from '../../src/gzip/gzip.ts'
import { gunzip, isGzip } from '../../src/decode/gunzip.ts'

const MiB = 1 << 20

t.test('gunzip decompresses up to the limit', async t => {
  const content = Buffer.from('seven b')
  const bytes = gzipSync(content)
  t.ok(isGzip(bytes))
  t.notOk(isGzip(content))
  t.notOk(isGzip(new Uint8Array(0)))
  t.same(Buffer.from(await gunzip(bytes, 7)), content)
  await t.rejects(gunzip(bytes, 6), {
    code: 'invalid_file',
    message: 'decompresses to more than the expected 6 bytes'
  })
})

t.test('gunzip decompresses all members, and ignores what follows the last one', async t => {
  const named = gzip(Buffer.from('seven'), { name: 'named', mtime: 7 })
  const file = Buffer.concat([named, gzipSync(' b')])
  const endings = [
    Buffer.alloc(0),
    Buffer.alloc(512),
    Buffer.of(0x1f),
    Buffer.from('\r\n<!-- end -->'),
    Buffer.from('PK')
  ]
  for (const ending of endings) {
    const bytes = Buffer.concat([file, ending])
    t.equal(Buffer.from(await gunzip(bytes, 7)).toString(), 'seven b', `followed by ${ending.toString()}`)
  }
  const incomplete = [file.subarray(0, -1), Buffer.concat([file, named.subarray(0, -9)])]
  for (const bytes of incomplete) {
    await t.rejects(gunzip(bytes, 20), { code: 'invalid_file', message: /^is not a complete gzip file: ./ })
  }
  const large = Buffer.concat([file, gzipSync('!'), Buffer.from('<')])
  await t.rejects(gunzip(large, 7), { code: 'invalid_file', message: /more than the expected 7 bytes/ })
})

t.test('gunzip reads every optional field of a header', async t => {
  const deflated = gzipSync('seven b').subarray(10)
  const fields = Buffer.concat([Buffer.of(3, 0), Buffer.from('abc'), Buffer.from('name\0'), Buffer.from('comment\0')])
  const header = Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 0, 0, 0, 0, 0, 3), fields])
  const checksum = Buffer.alloc(2)
  checksum.writeUInt16LE(crc32(header) & 0xffff)
  const bytes = Buffer.concat([header, checksum, deflated, Buffer.from('<!-- end -->')])
  t.equal(Buffer.from(await gunzip(bytes, 7)).toString(), 'seven b')
})

t.test('gunzip stops a gzip bomb', async t => {
  const bomb = gzipSync(Buffer.alloc(64 * MiB))
  t.ok(bomb.length < MiB)
  let most = 0
  const before = process.memoryUsage().arrayBuffers
  const watch = setInterval(() => { most = Math.max(most, process.memoryUsage().arrayBuffers - before) }, 1)
  await t.rejects(gunzip(bomb, MiB), {
    code: 'invalid_file',
    message: /decompresses to more than the expected 1048576 bytes/
  })
  clearInterval(watch)
  most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  t.ok(most < 16 * MiB, `held ${most} bytes at most`)
})

t.test('gunzip rejects damaged files', async t => {
  const bytes = gzipSync(Buffer.alloc(1000, 'abc'))
  const wrongSum = Buffer.from(bytes)
  wrongSum.writeUInt32LE(~bytes.readUInt32LE(bytes.length - 8) >>> 0, bytes.length - 8)
  const cases: Array<[what: string, bytes: Uint8Array]> = [
    ['truncated', bytes.subarray(0, -9)],
    ['without its checksum', bytes.subarray(0, -8)],
    ['garbage after the magic', Buffer.concat([bytes.subarray(0, 3), Buffer.alloc(50, 0x5a)])],
    ['the magic number alone', bytes.subarray(0, 2)],
    ['wrong checksum', wrongSum]
  ]
  for (const [what, damaged] of cases) {
    await t.rejects(gunzip(damaged, 1000), { code: 'invalid_file', message: /^is not a complete gzip file: ./ }, what)
  }
})
