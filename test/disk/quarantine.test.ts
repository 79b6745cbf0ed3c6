import { readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { quarantine } from '../../src/disk/quarantine.ts'

t.test('a damaged file is moved for inspection, and replaces one of the same name', async t => {
  const folder = t.testdir({ files: {} })
  for (const content of ['first', 'second']) {
    await writeFile(join(folder, 'files', 'a'), content)
    await quarantine(folder, join(folder, 'files', 'a'))
    t.equal(await readFile(join(folder, 'corrupt', 'a'), 'utf8'), content)
    t.same(await readdir(join(folder, 'files')), [])
  }
  await t.rejects(quarantine(folder, join(folder, 'files', 'a')), { code: 'ENOENT' })
})

t.test('the folder is bounded by files and bytes, of which the newest stay', async t => {
  const folder = t.testdir({ corrupt: { folder: { of: 'an operator' } } })
  const add = async (name: string, bytes: number): Promise<string[]> => {
    const path = join(folder, name)
    await writeFile(path, '')
    // Without blocks on the disk.
    await truncate(path, bytes)
    await quarantine(folder, path)
    return await readdir(join(folder, 'corrupt'))
  }
  let names: string[] = []
  for (let i = 0; i < 100; i++) {
    names = await add(`small-${i}`, 1)
    t.ok(names.length <= 17 && names.includes(`small-${i}`) && names.includes('folder'))
  }
  t.equal(names.filter(name => name.startsWith('small')).length, 16)
  for (let i = 0; i < 4; i++) names = await add(`large-${i}`, 400 * 2 ** 20)
  const large = names.filter(name => name.startsWith('large'))
  t.ok(large.length === 2 && large.includes('large-3'))
  t.same((await add('huge', 2 ** 31)).sort(), ['folder', 'huge'], 'folders are not touched')
  t.equal((await stat(join(folder, 'corrupt', 'huge'))).size, 2 ** 31)
})

t.test('a folder that cannot be created is an error', async t => {
  const folder = t.testdir({ corrupt: '', files: { a: '' } })
  await t.rejects(quarantine(folder, join(folder, 'files', 'a')), { message: 'ENOTDIR' })
  await t.resolves(stat(join(folder, 'files', 'a')), 'the file stays')
})
