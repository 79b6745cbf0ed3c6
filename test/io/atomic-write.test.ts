import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { writeFileAtomic } from '../../src/io/atomic-write.ts'

t.test('a file is there once all of it is', async t => {
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

t.test('what fails leaves what was there', async t => {
  const folder = t.testdir({ a: 'old' })
  await t.rejects(writeFileAtomic(join(folder, 'a'), async handle => {
    await handle.write('new')
    throw new Error('the disk is full')
  }), { message: 'the disk is full' })
  t.equal(await readFile(join(folder, 'a'), 'utf8'), 'old')
  t.same(await readdir(folder), ['a'])
})

t.test('what a killed process left of this file goes, what belongs to others stays', async t => {
  const folder = t.testdir({ 'a.1.tmp': 'half', 'ab.1.tmp': 'of another', 'a.1': 'not temporary' })
  await writeFileAtomic(join(folder, 'a'), handle => handle.writeFile('whole'))
  t.same(await readdir(folder), ['a', 'a.1', 'ab.1.tmp'])
})
