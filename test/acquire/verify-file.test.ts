import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { verifyFile } from '../../src/acquire/verify-file.ts'
import { tinyDataset } from '../fixtures/tiny-dataset.ts'

t.test('verifyFile accepts the file, gzipped or not', async t => {
  const { files, content, gzipped } = tinyDataset()
  for (const role of ['trainImages', 'testLabels'] as const) {
    for (const bytes of [content[role], gzipped[role], gzipSync(content[role], { level: 1 })]) {
      const file = await verifyFile(bytes, files[role])
      t.same(Buffer.from(file.content), content[role])
      t.equal(file.sha256, files[role].sha256)
    }
  }
})

t.test('verifyFile rejects other files, with the reason', async t => {
  const { files: { trainLabels: declared }, content: { trainLabels: content } } = tinyDataset()
  const page = '<!DOCTYPE html><html>We are down</html>'
  const flipped = Buffer.from(content)
  flipped[20]! ^= 1
  const found = createHash('sha256').update(flipped).digest('hex')
  const html = 'is an HTML page, not data'
  const cases: Array<[what: string, bytes: Buffer, reason: string | RegExp]> = [
    ['HTML page', Buffer.from(page), html],
    ['HTML page after white space', Buffer.from(`\r\n\t  ${page}`), html],
    ['HTML page after a byte order mark', Buffer.from(`\ufeff${page}`), html],
    ['HTML page after both', Buffer.from(`\ufeff\n ${page}`), html],
    ['gzipped HTML page', gzipSync(page), 'has 39 bytes, expected 68'],
    ['flipped bit', flipped, `has SHA-256 ${found}, expected ${declared.sha256}`],
    ['flipped bit, gzipped', gzipSync(flipped), `has SHA-256 ${found}, expected ${declared.sha256}`],
    ['shorter file', content.subarray(0, -1), 'has 67 bytes, expected 68'],
    ['longer file', Buffer.concat([content, Buffer.alloc(1)]), 'has 69 bytes, expected 68'],
    ['longer file, gzipped', gzipSync(Buffer.concat([content, Buffer.alloc(1)])),
      'decompresses to more than the expected 68 bytes'],
    ['empty file', Buffer.alloc(0), 'has 0 bytes, expected 68']
  ]
  for (const [what, bytes, reason] of cases) {
    await t.rejects(verifyFile(bytes, declared), { code: 'invalid_file', message: reason }, what)
  }
})

t.test('verifyFile accepts only the publisher\'s gzip if only its hash is known', async t => {
  const { files, content, gzipped } = tinyDataset()
  const { sha256, ...declared } = files.trainLabels
  const file = await verifyFile(gzipped.trainLabels, declared)
  t.same([Buffer.from(file.content), file.sha256, file.gzip], [content.trainLabels, sha256, gzipped.trainLabels])
  await t.rejects(verifyFile(content.trainLabels, declared), {
    code: 'invalid_file',
    message: `is not gzipped, expected the gzip with SHA-256 ${declared.gzip.sha256}`
  })
  await t.rejects(verifyFile(gzipSync(content.trainLabels, { level: 1 }), declared), {
    code: 'invalid_file',
    message: /^has SHA-256 [0-9a-f]{64}, expected the gzip with SHA-256/
  })
})

t.test('verifyFile accepts a file without a known hash only from a verified archive', async t => {
  const { content, gzipped } = tinyDataset()
  const declared = { name: 'a', bytes: 7 }
  await t.rejects(verifyFile(gzipped.trainImages, declared), {
    code: 'invalid_file',
    message: 'has no known hash; only its archive can be verified'
  })
  t.same(Buffer.from((await verifyFile(gzipped.trainImages, declared, true)).content), content.trainImages)
})
