import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FileWatch } from '../../src/disk/file-watch.ts'

/** Watches files, and resolves `next()` on their next change. */
async function watch (t: Test, paths: readonly string[]) {
  const files = await FileWatch.of(paths)
  let changes = 0
  let notify = (): void => {}
  const stop = files.start(() => { changes++; notify() }, 5)
  // Watching does not keep a process alive.
  const alive = setInterval(() => {}, 60_000)
  t.teardown(() => {
    stop()
    clearInterval(alive)
  })
  const next = (): Promise<void> => new Promise(resolve => { notify = resolve })
  return { files, next, changes: () => changes }
}

t.test('a file that is written, replaced, removed or created has changed', async t => {
  const folder = t.testdir({ file: 'a', other: 'b' })
  const file = join(folder, 'file')
  const { next } = await watch(t, [file])
  for (const change of [
    () => writeFile(file, 'b'),
    () => rename(join(folder, 'other'), file),
    () => rm(file),
    () => writeFile(file, 'c')
  ]) {
    const changed = next()
    await change()
    await t.resolves(changed)
  }
})

t.test('a Secret of Kubernetes, which is swapped by a symbolic link, has changed once for all its files', async t => {
  const folder = t.testdir({ '..first': { cert: 'a', key: 'a' }, '..data': t.fixture('symlink', '..first') })
  const paths = ['cert', 'key'].map(name => join(folder, name))
  for (const [i, name] of ['cert', 'key'].entries()) await symlink(join('..data', name), paths[i]!)
  const { next, changes } = await watch(t, paths)
  for (const version of ['..second', '..third']) {
    await mkdir(join(folder, version))
    for (const name of ['cert', 'key']) await writeFile(join(folder, version, name), version)
    const changed = next()
    await symlink(version, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await changed
  }
  t.equal(changes(), 2)
})

t.test('a change that was read already is not reported', async t => {
  const folder = t.testdir({ file: 'a', marker: 'a' })
  const [file, marker] = ['file', 'marker'].map(name => join(folder, name)) as [string, string]
  const { files, changes } = await watch(t, [file])
  const other = await watch(t, [marker])
  await writeFile(file, 'b')
  await files.mark()
  // As many looks as a change takes to be noticed.
  const noticed = other.next()
  await writeFile(marker, 'b')
  await noticed
  t.equal(changes(), 0)
})
