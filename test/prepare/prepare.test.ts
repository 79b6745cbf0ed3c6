import type { ChildProcess } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { access, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { perSplit, splitNames, type Denoiser, type Progress, type Samples } from '../../src/dataset/entry.ts'
import { prepare, type PrepareOptions } from '../../src/prepare/prepare.ts'
import { run } from '../../src/prepare/run.ts'
import { openScratch, readAt, writeAt } from '../../src/prepare/scratch.ts'
import { versionOf } from '../../src/prepare/version.ts'
import { mix } from '../../src/dataset/order.ts'

/** More than are normalized at a time (1000), and no multiple of it. */
const counts = { train: 1501, val: 703, test: 299 }
const total = 2503
const splits = perSplit((name): Samples => ({
  count: counts[name],
  images: Uint8Array.from({ length: counts[name] * 16 }, (_, i) => mix(i ^ counts[name]) % 256),
  labels: Uint8Array.from({ length: counts[name] }, (_, i) => mix(i) % 3)
}))
const job = (denoise: Denoiser = 'none') => ({ settings: { denoise, meanOver: 'train' }, backend: 'wasm', rows: 4, columns: 4, classes: 3 } as const)
const ignore = (): void => {}

/** Work for many seconds: what stops it comes in time. */
const slowJob = { ...job('median3'), backend: 'cpu', rows: 28, columns: 28 } as const
const manySplits = perSplit(() => ({ count: 3000, images: new Uint8Array(3000 * 784), labels: new Uint8Array(3000) }))

function options (folder: string, overrides: Partial<PrepareOptions> = {}): PrepareOptions {
  return { scratchFolders: [folder], signal: new AbortController().signal, report: ignore, ...overrides }
}

/** The processes that are started during a test. */
function childrenOf (t: Test): ChildProcess[] {
  const children: ChildProcess[] = []
  const started = (message: unknown): void => { children.push((message as { process: ChildProcess }).process) }
  channel('child_process').subscribe(started)
  t.teardown(() => channel('child_process').unsubscribe(started))
  return children
}

/** Starts the next processes with further options of Node.js. */
function startWith (t: Test, ...flags: string[]): void {
  const before = process.execArgv
  process.execArgv = [...before, ...flags]
  t.teardown(() => { process.execArgv = before })
}

for (const denoise of ['none', 'median3'] as const) {
  t.test(`a process of its own gives what run() gives, denoise ${denoise}`, async t => {
    const folder = t.testdir()
    const children = childrenOf(t)
    const reports: Progress[] = []
    const given = Buffer.concat(splitNames.map(name => splits[name].images))
    const prepared = await prepare(job(denoise), splits, options(folder, { report: progress => { reports.push(progress) } }))

    const images = Uint8Array.from(given)
    const centered: Uint8Array[] = []
    const findings = await run({ ...job(denoise), labels: perSplit(name => splits[name].labels) }, images, {
      denoised: ignore,
      centered: bytes => { centered.push(bytes) },
      progress: ignore
    })
    const { images: _, centered: __, ...found } = prepared
    t.same(found, findings)
    t.same(Buffer.concat(splitNames.map(name => prepared.images[name])), Buffer.from(images))
    t.same(Buffer.concat(splitNames.map(name => new Uint8Array(prepared.centered[name].buffer, prepared.centered[name].byteOffset, prepared.centered[name].byteLength))), Buffer.concat(centered))
    t.same(splitNames.map(name => [prepared.images[name].length, prepared.centered[name].length, prepared.onehot[name].length]), splitNames.map(name => [16, 16, 3].map(each => each * counts[name])))

    if (denoise === 'none') t.equal(prepared.images.train, splits.train.images, 'images that stay as they are are not copied')
    t.same(Buffer.concat(splitNames.map(name => splits[name].images)), given, 'what was given is as it was')
    t.match(reports[0], { stage: 'prepare', item: 'with TensorFlow.js on wasm', done: 0, total: denoise === 'none' ? total : 2 * total })
    t.ok(reports.some(({ item }) => item === 'normalizing'))
    t.equal(children[0]!.exitCode, 0, 'the process has ended')
    t.same(await readdir(folder), [], 'nothing stays')
  })
}

t.test('nothing is written over that was not read yet', async t => {
  const folder = t.testdir()
  const expected: Uint8Array[] = []
  await run({ ...job(), labels: perSplit(name => splits[name].labels) }, Buffer.concat(splitNames.map(name => splits[name].images)), {
    denoised: ignore,
    centered: bytes => { expected.push(bytes) },
    progress: ignore
  })
  const handle = await openScratch([folder], 0)
  const prototype: { read: (...args: unknown[]) => Promise<unknown> } = Object.getPrototypeOf(handle)
  await handle.close()
  const { read } = prototype
  t.teardown(() => { prototype.read = read })
  // Long enough for the other process to write all of the rest, if it did not wait.
  let late: Promise<void> | undefined
  prototype.read = async function (...args) {
    await (late ??= delay(300))
    return await read.apply(this, args)
  }
  const { centered } = await prepare(job(), splits, options(folder))
  t.ok(Buffer.concat(splitNames.map(name => new Uint8Array(centered[name].slice().buffer))).equals(Buffer.concat(expected)))
})

t.test('a signal kills it', async t => {
  const folder = t.testdir()
  const children = childrenOf(t)
  const stopping = new AbortController()
  const reason = new Error('enough')
  // It is at work once it reports.
  await t.rejects(prepare(slowJob, manySplits, options(folder, { signal: stopping.signal, report: () => stopping.abort(reason) })), reason)
  const [child] = children
  if (child!.exitCode === null && child!.signalCode === null) await once(child!, 'exit')
  t.equal(child!.signalCode, 'SIGKILL')
  t.same(await readdir(folder), [])
})

t.test('a signal that came before starts nothing', async t => {
  const children = childrenOf(t)
  const reason = new Error('enough')
  await t.rejects(prepare(job(), splits, options(t.testdir(), { signal: AbortSignal.abort(reason) })), reason)
  t.same(children, [])
})

t.test('a fault in the process is told with its reason', async t => {
  const folder = t.testdir()
  // One more row than the images have.
  await t.rejects(prepare({ ...job(), rows: 5 }, splits, options(folder)), { code: 'preparation_failed', message: `images end after ${total * 16} of ${total * 20} bytes` })
  t.same(await readdir(folder), [])
})

t.test('a backend that does not work is told with its reason', async t => {
  startWith(t, '--import', 'data:text/javascript,delete globalThis.WebAssembly')
  await t.rejects(prepare(job(), splits, options(t.testdir())), { code: 'preparation_failed', message: /^TensorFlow.js backend wasm is not usable: ./ })
})

t.test('results that cannot be read end it, and are told', async t => {
  const folder = t.testdir()
  const children = childrenOf(t)
  // Says that it has written, and has not.
  startWith(t, '--import', "data:text/javascript,import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module'; fs.writeSync = (file, bytes, at, length) => length; syncBuiltinESMExports()")
  await t.rejects(prepare(job(), splits, options(folder)), { code: 'preparation_failed', message: `results end after ${total * 16} bytes, 64000 are missing` })
  t.equal(children[0]!.signalCode, 'SIGKILL')
  t.same(await readdir(folder), [])
})

t.test('a process that dies is told with how it ended', async t => {
  const folder = t.testdir()
  await t.test('killed', async t => {
    const children = childrenOf(t)
    const report = (): void => { children[0]!.kill('SIGKILL') }
    await t.rejects(prepare(slowJob, manySplits, options(folder, { report })), { code: 'preparation_failed', message: 'the preparing process ended with SIGKILL' })
  })
  await t.test('before it could answer', async t => {
    startWith(t, '--import', 'data:text/javascript,process.exit(7)')
    await t.rejects(prepare(job(), splits, options(folder)), { code: 'preparation_failed', message: 'the preparing process ended with exit code 7' })
  })
  await t.test('before it was born', async t => {
    const before = process.execPath
    t.teardown(() => { process.execPath = before })
    process.execPath = join(folder, 'no-node-here')
    await t.rejects(prepare(job(), splits, options(folder)), { code: 'preparation_failed', message: /^spawn .*no-node-here ENOENT$/ })
  })
  t.same(await readdir(folder), [])
})

t.test('every scratch file is closed', async t => {
  const warnings: string[] = []
  const warned = ({ message }: Error): void => { warnings.push(message) }
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  await prepare(job(), splits, options(t.testdir()))
  await t.rejects(prepare({ ...job(), rows: 5 }, splits, options(t.testdir())))
  // Where the system tells, none is open; and none was left to the garbage collector, which warns when it closes one.
  const descriptors = await readdir('/proc/self/fd').catch(() => [])
  const paths = await Promise.all(descriptors.map(descriptor => readlink(`/proc/self/fd/${descriptor}`).catch(() => '')))
  t.same(paths.filter(path => path.includes('.scratch-')), [])
  t.same(warnings, [])
})

t.test('the scratch file is made in the first folder that can take it', async t => {
  const folder = t.testdir({ file: 'not a folder' })
  const unusable = join(folder, 'file', 'below')
  const scratch = await openScratch([unusable, join(folder, 'new')], 10)
  t.teardown(() => scratch.close())
  t.same(await readdir(join(folder, 'new')), [], 'it has no name')
  t.equal(await writeAt(scratch, Buffer.from('abc'), 0), 3)

  const huge = Number.MAX_SAFE_INTEGER
  await t.rejects(openScratch([unusable, folder], huge), {
    code: 'preparation_failed',
    message: new RegExp(`^no folder has room to prepare in: ${unusable}: ENOTDIR.*; ${folder}: \\d+ bytes free, ${huge} needed$`)
  })
  await t.rejects(access(unusable))
  await t.rejects(prepare(job(), splits, options(unusable)), { code: 'preparation_failed', message: /^no folder has room/ })
  const { meanCount } = await prepare(job(), splits, options(unusable, { scratchFolders: [unusable, folder] }))
  t.equal(meanCount, 1501)
})

t.test('the scratch file holds more than one step writes, and a short one is an error', async t => {
  const scratch = await openScratch([t.testdir()], 0)
  t.teardown(() => scratch.close())
  const bytes = Buffer.alloc(17 << 20, 'no power of two')
  t.equal(await writeAt(scratch, bytes, 5), bytes.length + 5)
  const back = new Uint8Array(bytes.length)
  await readAt(scratch, back, 5)
  t.equal(Buffer.compare(back, bytes), 0)
  await t.rejects(readAt(scratch, back, 15), { code: 'preparation_failed', message: `results end after ${bytes.length + 5} bytes, 10 are missing` })
})

t.test('the version stands for the data and the settings', async t => {
  const mnist = catalogue.get('mnist')!
  const split = { mode: 'contiguous', valFraction: 0.2, seed: 0 } as const
  const settings = { denoise: 'none', meanOver: 'train' } as const
  const base = versionOf(mnist, split, settings)
  t.equal(base, 'a826b1a4600fb3e4')
  t.equal(versionOf({ ...mnist, title: 'another' }, { seed: 0, valFraction: 0.2, mode: 'contiguous' }, { meanOver: 'train', denoise: 'none' }), base, 'names and the order of settings do not count')
  const others = [
    versionOf(mnist, { ...split, mode: 'shuffled' }, settings),
    versionOf(mnist, { ...split, valFraction: 0.1 }, settings),
    versionOf(mnist, { ...split, seed: 1 }, settings),
    versionOf(mnist, split, { ...settings, denoise: 'median3' }),
    versionOf(mnist, split, { ...settings, meanOver: 'train+val' }),
    ...(Object.keys(mnist.files) as Array<keyof typeof mnist.files>).map(role =>
      versionOf({ ...mnist, files: { ...mnist.files, [role]: { ...mnist.files[role], sha256: '0'.repeat(64) } } }, split, settings))
  ]
  t.equal(new Set([base, ...others]).size, 10)
})
