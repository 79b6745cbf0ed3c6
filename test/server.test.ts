import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buffer, json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { LogLine } from './fixtures/log-line.ts'
import type { ReadBatch } from './fixtures/read.ts'

const program = fileURLToPath(new URL('../src/server.js', import.meta.url))

interface Running {
  readonly process: ChildProcess
  readonly url: string
  /** The first log line of which this is true, past or future. */
  readonly line: (matches: (line: LogLine) => boolean) => Promise<LogLine>
  readonly exit: Promise<[code: number | null, signal: string | null]>
}

/** Starts the server as users do, on a free port. */
async function start (t: Test, env: Record<string, string> = {}): Promise<Running> {
  const child = spawn(process.execPath, [...process.execArgv, program], {
    env: { ...process.env, PORT: '0', DATA_DIR: t.testdir(), TFJS_BACKEND: 'wasm', ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit') as Running['exit']
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  createInterface(child.stdout!).on('line', text => {
    lines.push(JSON.parse(text))
    for (const look of waiting) look()
  })
  const line: Running['line'] = matches => new Promise(resolve => {
    const look = (): void => {
      const found = lines.find(matches)
      if (!found) return
      waiting.delete(look)
      resolve(found)
    }
    waiting.add(look)
    look()
  })
  const { msg } = await line(({ msg }) => msg.startsWith('listening on'))
  return { process: child, url: msg.slice('listening on '.length), line, exit }
}

function nativeIsInstalled (): boolean {
  try {
    return createRequire(import.meta.url).resolve('@tensorflow/tfjs-node') !== ''
  } catch {
    return false
  }
}

const isReady = (line: LogLine): boolean => line.msg === 'mnist is ready'

t.test('serves real MNIST, and finishes what it is sending when it is asked to stop', async t => {
  const server = await start(t)
  const early = await fetch(`${server.url}/v1/datasets/mnist/splits/train/batches`)
  t.equal(early.status, 503, 'it listens before its data is ready')
  t.equal(early.headers.get('retry-after'), '1')
  t.equal((await fetch(`${server.url}/readyz`)).status, 503)
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)

  await server.line(isReady)
  t.equal((await fetch(`${server.url}/readyz`)).status, 200)
  const { count, total, version } = await (await fetch(`${server.url}/v1/datasets/mnist/splits/train/batches?batch_size=2`)).json() as ReadBatch
  t.same([count, total, version], [2, 48000, 'a826b1a4600fb3e4'])

  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  // Far more than the buffers of both sockets hold, and read only once the server knows that it is to stop.
  const answers = await Promise.all(['safetensors', 'json'].map(async format => {
    const request = get(`${server.url}/v1/datasets/mnist/splits/train/batches?batch_size=4096&format=${format}`, { agent })
    return (await once(request, 'response') as [IncomingMessage])[0]
  }))
  const [stream] = await once(get(`${server.url}/v1/datasets/mnist/splits/train/stream?batch_size=4096&format=arrow`, { agent }), 'response') as [IncomingMessage]
  server.process.kill('SIGTERM')
  await server.line(({ msg }) => msg === 'stopping on SIGTERM')
  const [binary, text] = answers as [IncomingMessage, IncomingMessage]
  t.equal((await buffer(binary)).length, Number(binary.headers['content-length']), 'tensors in flight arrive whole')
  t.equal((await json(text) as ReadBatch).images.length, 4096, 'text in flight arrives whole')
  const pages = (await stream.toArray()) as Buffer[]
  t.same(Buffer.concat(pages).subarray(-8), Buffer.of(255, 255, 255, 255, 0, 0, 0, 0), 'a stream in flight goes on to its end')
  t.same(await server.exit, [0, null], 'then it ends, though the connections could have been used again')
})

t.test('stops while it is still preparing', async t => {
  const server = await start(t)
  await server.line(({ progress }) => progress?.stage === 'prepare')
  server.process.kill('SIGTERM')
  t.same(await server.exit, [0, null])
})

const skip = nativeIsInstalled() && 'native TensorFlow is installed, so asking for it does not fail'

t.test('a dataset that fails says why, and the server stays up', { skip }, async t => {
  const server = await start(t, { TFJS_BACKEND: 'tensorflow' })
  await server.line(({ msg, level }) => level === 50 && msg.startsWith('mnist failed'))
  const { detail } = await (await fetch(`${server.url}/v1/datasets/mnist`)).json() as { detail: string }
  t.match(detail, /^mnist could not be prepared: TensorFlow\.js backend tensorflow is not usable: /)
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  server.process.kill('SIGTERM')
  t.same(await server.exit, [0, null])
})

t.test('a wrong setting stops the start with one line', async t => {
  const child = spawn(process.execPath, [...process.execArgv, program], { env: { ...process.env, PORT: 'http', SPLIT: 'random' }, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([child.stdout.toArray(), child.stderr.toArray(), once(child, 'exit')])
  t.equal(code, 1)
  t.equal(Buffer.concat(stdout).toString(), '')
  t.equal(Buffer.concat(stderr).toString(), "mnist-batch-server: PORT must be an integer from 0 to 65535, got 'http'; SPLIT must be one of contiguous, shuffled, stratified, got 'random'\n")
})

t.test('a port that is taken stops the start with one line', async t => {
  const first = await start(t)
  const child = spawn(process.execPath, [...process.execArgv, program], { env: { ...process.env, PORT: new URL(first.url).port, LOG_LEVEL: 'silent' }, stdio: ['ignore', 'ignore', 'pipe'] })
  const [stderr, [code]] = await Promise.all([child.stderr.toArray(), once(child, 'exit')])
  t.equal(code, 1)
  t.match(Buffer.concat(stderr).toString(), /^mnist-batch-server: [^\n]*EADDRINUSE[^\n]*\n$/)
})
