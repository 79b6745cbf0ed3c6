import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openUnlinkedFile, writeFileAtomic } from '../../src/io/atomic-write.ts'

t.test('a file appears only when it is complete', async t => {
  const folder = join(t.testdir(), 'new', 'folder')
  const path = join(folder, 'a')
  await writeFileAtomic(path, async handle => {
    await handle.write('first half, ')
    t.same((await readdir(folder)).filter(name => !name.endsWith('.tmp')), [])
    await handle.write('second half')
  })
  t.equal(await readFile(path, 'utf8'), 'first half, second half')
  t.same(await readdir(folder), ['a'])
})

t.test('a failed write leaves the old file', async t => {
  const folder = t.testdir({ a: 'old' })
  await t.rejects(writeFileAtomic(join(folder, 'a'), async handle => {
    await handle.write('new')
    throw new Error('the disk is full')
  }), { message: 'the disk is full' })
  t.equal(await readFile(join(folder, 'a'), 'utf8'), 'old')
  t.same(await readdir(folder), ['a'])
})

t.test('temporary files of a killed process are removed, those of other files stay', async t => {
  const folder = t.testdir({ 'a.1.tmp': 'partial', 'ab.1.tmp': 'of another file', 'a.1': 'not temporary' })
  await writeFileAtomic(join(folder, 'a'), handle => handle.writeFile('complete'))
  t.same(await readdir(folder), ['a', 'a.1', 'ab.1.tmp'])
})

t.test('an unlinked file can be written and read, and has no name', async t => {
  const folder = t.testdir()
  const handle = await openUnlinkedFile(folder)
  t.teardown(() => handle.close())
  t.same(await readdir(folder), [])
  await handle.write('content', 0)
  const { buffer, bytesRead } = await handle.read({ position: 0 })
  t.equal(buffer.toString('utf8', 0, bytesRead), 'content')
})
