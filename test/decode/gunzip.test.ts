import { gzipSync } from 'node:zlib'
import t from 'tap'
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
