import { chmod, readFile, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openUnlinkedFile, writeFileAtomic } from '../../src/disk/atomic-write.ts'
import { failOnDisk, systemError } from '../fixtures/failing-disk.ts'

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

const isFolder = async (handle: FileHandle): Promise<boolean> => (await handle.stat()).isDirectory()

t.test('a file system that cannot flush folders causes a warning', async t => {
  const folder = t.testdir()
  await failOnDisk(t, 'sync', systemError('EINVAL', 'fsync'), isFolder)
  const warnings: string[] = []
  const write = (warn?: (message: string) => void) => {
    return writeFileAtomic(join(folder, 'a'), handle => handle.writeFile('content'), warn)
  }
  await write(message => { warnings.push(message) })
  await write()
  t.equal(await readFile(join(folder, 'a'), 'utf8'), 'content')
  t.same(await readdir(folder), ['a'])
  t.same(warnings, ['a may be lost in a power failure: EINVAL: invalid argument, fsync'])
})

t.test('a file that cannot be flushed at all is written, one that fails to be flushed is not', async t => {
  for (const name of ['EINVAL', 'ENOSYS', 'ENOTSUP'] as const) {
    const folder = t.testdir()
    await failOnDisk(t, 'sync', systemError(name, 'fsync'))
    await writeFileAtomic(join(folder, 'a'), handle => handle.writeFile('content'))
    t.same(await readdir(folder), ['a'])
  }
  for (const name of ['EIO', 'ENOSPC', 'EDQUOT'] as const) {
    const folder = t.testdir()
    await failOnDisk(t, 'sync', systemError(name, 'fsync'))
    await t.rejects(writeFileAtomic(join(folder, 'a'), handle => handle.writeFile('content')), { code: name })
    t.same(await readdir(folder), [])
  }
})

t.test('a folder that can be written but not listed is enough', { skip: isRoot() }, async t => {
  const folder = t.testdir()
  await chmod(folder, 0o300)
  t.teardown(() => chmod(folder, 0o700))
  await writeFileAtomic(join(folder, 'a'), handle => handle.writeFile('content'))
  t.equal(await readFile(join(folder, 'a'), 'utf8'), 'content')
})

function isRoot (): string | false {
  return process.getuid?.() === 0 && 'root may list every folder'
}
