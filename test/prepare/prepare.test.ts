import type { ChildProcess } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { mix } from '../../src/dataset/order.ts'
import type { Progress, ReportProgress } from '../../src/dataset/progress.ts'
import { perSplit, splitNames } from '../../src/dataset/sample-splits.ts'
import type { Denoiser } from '../../src/dataset/settings.ts'
import { datasetVersion } from '../../src/load/version.ts'
import { Fitter, type FitOptions } from '../../src/prepare/fit.ts'
import { startPrepareProcess, type Preparation } from '../../src/prepare/prepare.ts'

/** More than are sent at a time (1000), and no multiple of it. */
const counts = { train: 1501, val: 703, test: 299 }
const total = 2503
const splits = perSplit(name => {
  return { images: Uint8Array.from({ length: counts[name] * 16 }, (_, i) => mix(i ^ counts[name]) % 256) }
})
const job = (denoise: Denoiser = 'none', rows = 4): FitOptions => {
  return { settings: { denoise, meanOver: 'train' }, backend: 'wasm', shape: { channels: 1, rows, columns: 4 } }
}

/** Takes many seconds, so that whatever stops it comes in time. */
const slowJob: FitOptions = { ...job('median3'), backend: 'cpu', shape: { channels: 1, rows: 28, columns: 28 } }
const manySplits = perSplit(() => ({ images: new Uint8Array(3000 * 784) }))

interface RunOptions {
  readonly signal?: AbortSignal
  readonly report?: ReportProgress
}

async function run (
  job: FitOptions,
  images = splits,
  { signal = new AbortController().signal, report = () => {} }: RunOptions = {}
): Promise<Preparation> {
  const preparer = startPrepareProcess(signal)
  try {
    return await preparer.prepare(job, images, report)
  } finally {
    await preparer.stop()
  }
}

/** The child processes that are started during a test. */
function childrenOf (t: Test): ChildProcess[] {
  const children: ChildProcess[] = []
  const started = (message: unknown): void => { children.push((message as { process: ChildProcess }).process) }
  channel('child_process').subscribe(started)
  t.teardown(() => channel('child_process').unsubscribe(started))
  return children
}

/** Starts the next child processes with further options of Node.js. */
function startWith (t: Test, ...flags: string[]): void {
  const before = process.execArgv
  process.execArgv = [...before, ...flags]
  t.teardown(() => { process.execArgv = before })
}

for (const denoise of ['none', 'median3'] as const) {
  t.test(`a child process gives the same results as a Fitter in this process, denoise ${denoise}`, async t => {
    const children = childrenOf(t)
    const reports: Progress[] = []
    const given = Buffer.concat(splitNames.map(name => splits[name].images))
    const report = (progress: Progress): void => { reports.push(progress) }
    const { images, backend, ...fit } = await run(job(denoise), splits, { report })

    const fitter = await Fitter.create(job(denoise))
    const expected = perSplit(name => fitter.add(name, splits[name].images))
    t.same(fit, fitter.result())
    t.same(backend, fitter.backend)
    t.same(images, expected)

    if (denoise === 'none') t.equal(images.train, splits.train.images, 'images are not copied without denoising')
    t.same(Buffer.concat(splitNames.map(name => splits[name].images)), given, 'the given images are unchanged')
    t.match(reports[0], { stage: 'prepare', item: 'TensorFlow.js on wasm', done: 0, total })
    const item = denoise === 'none' ? 'summing' : 'denoising'
    t.match(reports.at(-1), { stage: 'prepare', item, done: total, total })
    t.ok(reports.every(({ done }, i) => done >= (reports[i - 1]?.done ?? 0)), 'progress never goes back')
    t.equal(children[0]!.exitCode, 0, 'the process has ended')
  })
}

t.test('a signal kills the process', async t => {
  const children = childrenOf(t)
  const stopping = new AbortController()
  const reason = new Error('enough')
  // The first report comes once it is at work.
  const running = run(slowJob, manySplits, { signal: stopping.signal, report: () => stopping.abort(reason) })
  await t.rejects(running, reason)
  const [child] = children
  if (child!.exitCode === null && child!.signalCode === null) await once(child!, 'exit')
  t.equal(child!.signalCode, 'SIGKILL')
})

t.test('an aborted signal starts no process', async t => {
  const children = childrenOf(t)
  const reason = new Error('enough')
  await t.rejects(run(job(), splits, { signal: AbortSignal.abort(reason) }), reason)
  t.same(children, [])
})

t.test('a process that is stopped before there is anything to prepare ends', async t => {
  const children = childrenOf(t)
  await startPrepareProcess(new AbortController().signal).stop()
  t.equal(children[0]!.signalCode, 'SIGKILL')
})

t.test('an error in the process is reported with its reason', async t => {
  const children = childrenOf(t)
  // One more row than the images have.
  await t.rejects(run(job('none', 5)), { code: 'preparation_failed', message: /shape/ })
  t.equal(children[0]!.signalCode, 'SIGKILL')
})

t.test('an unusable backend is reported with its reason', async t => {
  startWith(t, '--import', 'data:text/javascript,delete globalThis.WebAssembly')
  const message = /^TensorFlow.js backend wasm is not usable: ./
  await t.rejects(run(job()), { code: 'preparation_failed', message })
})

t.test('the end of a process is reported with its cause', async t => {
  const code = 'preparation_failed'
  await t.test('killed', async t => {
    const children = childrenOf(t)
    const report = (): void => { children[0]!.kill('SIGKILL') }
    const message = 'the preparing process ended with SIGKILL'
    await t.rejects(run(slowJob, manySplits, { report }), { code, message })
  })
  await t.test('before it can reply', async t => {
    startWith(t, '--import', 'data:text/javascript,process.exit(7)')
    await t.rejects(run(job()), { code, message: 'the preparing process ended with exit code 7' })
  })
  await t.test('not started at all', async t => {
    const before = process.execPath
    t.teardown(() => { process.execPath = before })
    process.execPath = join(t.testdir(), 'no-node-here')
    await t.rejects(run(job()), { code, message: /^spawn .*no-node-here ENOENT$/ })
  })
})

t.test('the version identifies the data and the settings', async t => {
  const mnist = catalogue.get('mnist')!
  const split = { mode: 'contiguous', valFraction: 0.2, seed: 0 } as const
  const settings = { denoise: 'none', meanOver: 'train' } as const
  const base = datasetVersion(mnist, split, settings)
  t.equal(base, 'a826b1a4600fb3e4')
  const reordered = [{ seed: 0, valFraction: 0.2, mode: 'contiguous' }, { meanOver: 'train', denoise: 'none' }] as const
  const renamed = datasetVersion({ ...mnist, title: 'another' }, ...reordered)
  t.equal(renamed, base, 'titles and the order of settings do not matter')
  const others = [
    datasetVersion(mnist, { ...split, mode: 'shuffled' }, settings),
    datasetVersion(mnist, { ...split, valFraction: 0.1 }, settings),
    datasetVersion(mnist, { ...split, seed: 1 }, settings),
    datasetVersion(mnist, split, { ...settings, denoise: 'median3' }),
    datasetVersion(mnist, split, { ...settings, meanOver: 'train+val' }),
    ...mnist.files.map((changed, i) => {
      const files = mnist.files.with(i, { ...changed, sha256: '0'.repeat(64) })
      return datasetVersion({ ...mnist, files }, split, settings)
    })
  ]
  t.equal(new Set([base, ...others]).size, 10)
})
