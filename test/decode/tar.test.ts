import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { readTar } from '../../src/decode/tar.ts'
import { tarOf } from '../fixtures/cifar.ts'

type Listed = Array<[name: string, content: string | undefined]>

async function * chunked (bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function list (archive: Uint8Array, chunkSize: number, reads = true): Promise<Listed> {
  const members: Listed = []
  for await (const { name, isFile, content } of readTar(chunked(archive, chunkSize), 1 << 30)) {
    const chunks: Uint8Array[] = []
    if (reads) for await (const chunk of content) chunks.push(chunk)
    members.push([name, isFile ? Buffer.concat(chunks).toString() : undefined])
  }
  return members
}

t.test('members are read in any chunks, or skipped', async t => {
  const content = ['', 'a', 'b'.repeat(512), 'c'.repeat(1300)]
  const expected: Listed = [['folder/', undefined], ...content.map((text, i): Listed[number] => [`folder/${i}`, text])]
  const archive = tarOf(expected.map(([name, text]) => [name, text === undefined ? text : Buffer.from(text)]))
  for (const size of [1, 7, 511, 512, 1000, 1 << 20]) t.same(await list(archive, size), expected)
  t.same((await list(archive, 100, false)).map(([name]) => name), expected.map(([name]) => name))
  t.same(await list(archive.subarray(0, -1024), 512), expected, 'without the blocks of zeros at its end')
})

t.test('archives of the tar program, with long names', async t => {
  const folder = t.testdir()
  const names = ['short', `${'long/'.repeat(30)}name`, `${'x'.repeat(120)}/${'y'.repeat(120)}`, 'größe']
  for (const name of names) {
    mkdirSync(join(folder, 'in', dirname(name)), { recursive: true })
    writeFileSync(join(folder, 'in', name), name)
  }
  for (const format of ['ustar', 'pax', 'gnu']) {
    // ustar has no room for the longest name.
    const stored = format === 'ustar' ? names.filter(name => !name.startsWith('x')) : names
    execFileSync('tar', [`--format=${format}`, '-cf', join(folder, format), '-C', join(folder, 'in'), ...stored])
    t.same(await list(readFileSync(join(folder, format)), 300), stored.map(name => [name, name]), format)
  }
})

t.test('an archive that is not read to its end is closed', async t => {
  let closed = false
  async function * chunks (): AsyncGenerator<Uint8Array> {
    try {
      yield * chunked(tarOf([['a', Buffer.alloc(5000)], ['b', Buffer.alloc(5000)]]), 512)
    } finally {
      closed = true
    }
  }
  for await (const { name } of readTar(chunks(), 1 << 20)) if (name === 'a') break
  t.ok(closed)
})
