import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { Agent, get, type IncomingMessage } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buffer, json } from 'node:stream/consumers'
import { connect as connectSecurely } from 'node:tls'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { LogLine } from './fixtures/log-line.ts'
import type { ReadBatch } from './fixtures/read.ts'
import { root } from './fixtures/root.ts'
import { runToExit, start } from './fixtures/server-process.ts'
import { socketFolder } from './fixtures/socket-folder.ts'
import { idxFile } from './fixtures/tiny-dataset.ts'

function nativeIsInstalled (): boolean {
  try {
    return createRequire(import.meta.url).resolve('@tensorflow/tfjs-node') !== ''
  } catch {
    return false
  }
}

const isReady = (line: LogLine): boolean => line.msg === 'mnist is ready'

t.test('serves MNIST, and completes responses in flight after SIGTERM', async t => {
  const server = await start(t)
  const early = await fetch(`${server.url}/v1/datasets/mnist/splits/train/batches`)
  t.equal(early.status, 503, 'it listens before the dataset is ready')
  t.equal(early.headers.get('retry-after'), '1')
  t.equal((await fetch(`${server.url}/readyz`)).status, 503)
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)

  await server.line(isReady)
  t.equal((await fetch(`${server.url}/readyz`)).status, 200)
  const batches = `${server.url}/v1/datasets/mnist/splits/train/batches`
  const { count, total, version } = await (await fetch(`${batches}?batch_size=2`)).json() as ReadBatch
  t.same([count, total, version], [2, 48000, 'a826b1a4600fb3e4'])

  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  // Far more bytes than the socket buffers hold, read only after the server has received the signal.
  const answers = await Promise.all(['safetensors', 'json'].map(async format => {
    const request = get(`${batches}?batch_size=4096&format=${format}`, { agent })
    return (await once(request, 'response') as [IncomingMessage])[0]
  }))
  const epoch = get(`${server.url}/v1/datasets/mnist/splits/train/stream?batch_size=4096&format=arrow`, { agent })
  const [stream] = await once(epoch, 'response') as [IncomingMessage]
  server.process.kill('SIGTERM')
  await server.line(({ msg }) => msg === 'stopping on SIGTERM')
  const [binary, textual] = answers as [IncomingMessage, IncomingMessage]
  const length = Number(binary.headers['content-length'])
  t.equal((await buffer(binary)).length, length, 'tensors in flight arrive completely')
  t.equal((await json(textual) as ReadBatch).images.length, 4096, 'text in flight arrives completely')
  const pages = (await stream.toArray()) as Buffer[]
  const endOfStream = Buffer.of(255, 255, 255, 255, 0, 0, 0, 0)
  t.same(Buffer.concat(pages).subarray(-8), endOfStream, 'a stream in flight continues to its end')
  t.same(await server.exit, [0, null], 'it exits although the connections are kept alive')
})

t.test('keeps serving after the reader of its log has exited', async t => {
  const server = await start(t)
  server.process.stdout!.destroy()
  for (let i = 0; i < 5; i++) t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  server.process.kill('SIGHUP')
  server.process.kill('SIGUSR1')
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  server.process.kill('SIGTERM')
  t.same(await server.exit, [0, null])
})

t.test('a crash ends the process', async t => {
  const server = await start(t)
  server.process.kill('SIGSEGV')
  t.same(await server.exit, [null, 'SIGSEGV'])
})

t.test('stops while it is preparing', async t => {
  const server = await start(t)
  await server.line(({ progress }) => progress?.stage === 'prepare')
  server.process.kill('SIGTERM')
  t.same(await server.exit, [0, null])
})

const skip = nativeIsInstalled() && 'native TensorFlow is installed, so requesting it does not fail'

t.test('a dataset that fails gives its reason, and the server keeps running', { skip }, async t => {
  const server = await start(t, { TFJS_BACKEND: 'tensorflow' })
  await server.line(({ msg, level }) => level === 50 && msg.startsWith('mnist failed'))
  const { detail } = await (await fetch(`${server.url}/v1/datasets/mnist`)).json() as { detail: string }
  t.match(detail, /^mnist could not be prepared: TensorFlow\.js backend tensorflow is not usable: /)
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  server.process.kill('SIGTERM')
  t.same(await server.exit, [0, null])
})

/** Writes a dataset of 4×4 images in two classes. */
async function writeDataset (folder: string): Promise<void> {
  await mkdir(folder)
  for (const [name, count] of [['train', 10], ['t10k', 4]] as const) {
    const images = Uint8Array.from({ length: count * 16 }, (_, i) => i % 256)
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2)
    await writeFile(join(folder, `${name}-images-idx3-ubyte`), idxFile([count, 4, 4], images))
    await writeFile(join(folder, `${name}-labels-idx1-ubyte`), idxFile([count], labels))
  }
}

t.test('a failed dataset is loaded again, while the others are served', async t => {
  const folder = t.testdir({ sources: {}, data: {} })
  const sources = join(folder, 'sources')
  await writeDataset(join(sources, 'present'))
  const server = await start(t, {
    DATASETS: 'late,present', SOURCE_DIR: sources, DATA_DIR: join(folder, 'data'), RETRY_DELAY: '0.2'
  })
  const failure = await server.line(({ msg }) => msg.startsWith('late failed'))
  t.equal(failure.msg, 'late failed: folder late cannot be read: ENOENT; next attempt in 1 s')
  await server.line(({ msg }) => msg === 'present is ready')
  t.equal((await fetch(`${server.url}/v1/datasets/present/splits/test`)).status, 200)
  const failed = await fetch(`${server.url}/v1/datasets/late`)
  t.equal(failed.status, 503)
  t.match(failed.headers.get('retry-after'), /^[1-9]\d*$/)
  t.equal((await fetch(`${server.url}/readyz`)).status, 200)

  // Moved into place, so that no attempt sees half of it.
  await writeDataset(join(folder, 'late'))
  await rename(join(folder, 'late'), join(sources, 'late'))
  await server.line(({ msg }) => msg === 'late is ready')
  t.equal((await fetch(`${server.url}/v1/datasets/late/splits/test`)).status, 200)
  server.process.kill('SIGTERM')
  t.same(await server.exit, [0, null])
})

t.test('with EXIT_ON_FAILURE, a dataset that fails ends the process with one line', async t => {
  const { code, stderr } = await runToExit(t, {
    PORT: '0', SHUTDOWN_DELAY: '0', DATASETS: 'mnist', SOURCES: 'mirrors', OFFLINE: '1', EXIT_ON_FAILURE: '1'
  })
  t.equal(code, 1)
  t.equal(stderr, 'mnist-batch-server: mnist failed: no source has train-images-idx3-ubyte: none is configured\n')
})

t.test('packages that only some settings need are loaded only with these', async t => {
  const folder = t.testdir({ sources: {}, data: {} })
  await writeDataset(join(folder, 'sources', 'own'))
  const preload = new URL('fixtures/loaded-packages.js', import.meta.url)
  const packagesOf = async (env: Record<string, string>): Promise<string[]> => {
    const server = await start(t, {
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}`,
      DATASETS: 'own',
      SOURCE_DIR: join(folder, 'sources'),
      DATA_DIR: join(folder, 'data'),
      ...env
    })
    await server.line(({ msg }) => msg === 'own is ready')
    await (await fetch(`${server.url}/metrics`)).text()
    server.process.kill('SIGTERM')
    await once(server.process, 'close')
    // The last line is that of the process itself, after those of its threads.
    return [...server.output().matchAll(/^loaded packages: (.*)$/gm)].at(-1)![1]!.split(' ')
  }
  // prom-client loads @opentelemetry/api, which is small.
  const optional = /opentelemetry\/(?!api$)|otel|pino-pretty|tensorflow|undici|yauzl/
  // Prepares a dataset first.
  await packagesOf({})
  const packages = await packagesOf({})
  t.ok(packages.includes('fastify') && packages.includes('prom-client'))
  t.same(packages.filter(name => optional.test(name)), [])
  const traced = await packagesOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
  t.ok(traced.includes('@opentelemetry/sdk-trace-base') && traced.includes('@fastify/otel'))
})

t.test('invalid settings end the process with one line', async t => {
  t.same(await runToExit(t, { PORT: 'http', SPLIT: 'random' }), {
    code: 1,
    stdout: '',
    stderr: "mnist-batch-server: PORT must be an integer from 0 to 65535, got 'http'; " +
      "SPLIT must be one of contiguous, shuffled, stratified, got 'random'\n"
  })
})

t.test('a SOURCE_DIR that is no folder ends the process with one line', async t => {
  const folder = t.testdir({ file: '' })
  for (const [name, reason] of [['absent', 'ENOENT'], ['file', 'ENOTDIR']] as const) {
    const path = join(folder, name)
    const { code, stdout, stderr } = await runToExit(t, { SOURCE_DIR: path, DATA_DIR: join(folder, 'data') })
    t.same([code, stdout], [1, ''])
    const expected = `mnist-batch-server: SOURCE_DIR must be a folder that can be read, got '${path}': ${reason}: `
    t.ok(stderr.startsWith(expected) && stderr.trimEnd().split('\n').length === 1, stderr)
  }
})

t.test('a SOURCE_DIR without any of the datasets causes a warning', async t => {
  const folder = t.testdir({ sources: { other: {} } })
  const env = { SOURCE_DIR: join(folder, 'sources'), DATA_DIR: join(folder, 'data'), OFFLINE: '1', SOURCES: 'folder' }
  const server = await start(t, { ...env, DATASETS: 'mnist' })
  t.equal((await server.line(({ level }) => level === 40)).msg, 'SOURCE_DIR has none of the datasets mnist')
  server.process.kill('SIGTERM')
  await server.exit
})

t.test('SIGHUP reads the API keys again', async t => {
  const folder = t.testdir({ sources: {}, keys: '' })
  const file = join(folder, 'keys')
  const env = { SOURCE_DIR: join(folder, 'sources'), DATA_DIR: join(folder, 'data'), OFFLINE: '1', SOURCES: 'folder' }
  const server = await start(t, { ...env, DATASETS: 'mnist', API_KEYS_FILE: file })
  t.equal((await fetch(`${server.url}/v1/datasets`)).status, 401)
  const script = fileURLToPath(new URL('scripts/key.js', root))
  const created = spawnSync(process.execPath, [script, 'alice'], { env: { API_KEYS_FILE: file }, encoding: 'utf8' })
  const headers = { authorization: `Bearer ${created.stdout.trim()}` }
  t.equal((await fetch(`${server.url}/v1/datasets`, { headers })).status, 401, 'not before')
  server.process.kill('SIGHUP')
  await server.line(({ msg }) => msg === '1 API keys are valid now')
  t.equal((await fetch(`${server.url}/v1/datasets`, { headers })).status, 200)
  t.notMatch(server.output(), created.stdout.trim())
  const repeated = spawnSync(process.execPath, [script, 'alice'], { env: { API_KEYS_FILE: file }, encoding: 'utf8' })
  t.match(repeated, { status: 1, stdout: '', stderr: 'API_KEYS_FILE has a key of this name already' })
  server.process.kill('SIGTERM')
  await server.exit
})

t.test('a Secret that Kubernetes replaces is noticed: API keys and the certificate', async t => {
  const certificates = new URL('test/fixtures/certificates/', root)
  const secret = async (name: string) => ({
    keys: `${name}:${'0'.repeat(64)}\n`,
    cert: await readFile(new URL(`${name}.pem`, certificates), 'utf8'),
    key: await readFile(new URL(`${name}-key.pem`, certificates), 'utf8')
  })
  const folder = t.testdir({
    sources: {},
    data: {},
    '..1': await secret('first'),
    '..2': await secret('second'),
    '..data': t.fixture('symlink', '..1')
  })
  const file = (name: string): string => join(folder, '..data', name)
  const server = await start(t, {
    SOURCE_DIR: join(folder, 'sources'),
    DATA_DIR: join(folder, 'data'),
    OFFLINE: '1',
    SOURCES: 'folder',
    API_KEYS_FILE: file('keys'),
    TLS_CERT: file('cert'),
    TLS_KEY: file('key')
  })
  const subject = async (): Promise<string> => {
    const socket = connectSecurely({ port: Number(new URL(server.url).port), rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { CN } = socket.getPeerCertificate().subject
    socket.destroy()
    return String(CN)
  }
  t.equal(await subject(), 'first.example')
  await symlink('..2', join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  await server.line(({ msg }) => msg === '1 API keys are valid now')
  await server.line(({ msg }) => msg === 'the certificate was read again')
  t.equal(await subject(), 'second.example')
  await writeFile(file('keys'), '')
  const failure = await server.line(({ msg }) => msg.startsWith('the API keys stay as they were'))
  t.match(failure, { level: 50, msg: 'API_KEYS_FILE has no keys' })
  server.process.kill('SIGTERM')
  await server.exit
})

t.test('over HTTPS on a socket, the health check works, and SIGHUP reads the certificate again', async t => {
  const folder = t.testdir({ sources: {}, data: {} })
  await writeDataset(join(folder, 'sources', 'own'))
  const certificates = new URL('test/fixtures/certificates/', root)
  const env = {
    HOST: `unix:${join(socketFolder(t), 'socket')}`,
    TLS_CERT: fileURLToPath(new URL('first.pem', certificates)),
    TLS_KEY: fileURLToPath(new URL('first-key.pem', certificates)),
    DATASETS: 'own',
    SOURCE_DIR: join(folder, 'sources'),
    DATA_DIR: join(folder, 'data')
  }
  const check = () => {
    const program = fileURLToPath(new URL('../src/health-check.js', import.meta.url))
    return spawnSync(process.execPath, [program], { env: { ...process.env, ...env } }).status
  }
  t.equal(check(), 1, 'nothing listens')
  const server = await start(t, env)
  await server.line(({ msg }) => msg === 'own is ready')
  t.equal(check(), 0)
  server.process.kill('SIGHUP')
  await server.line(({ msg }) => msg === 'the certificate was read again')
  server.process.kill('SIGTERM')
  t.same(await server.exit, [0, null])
})

t.test('with HOST=::, the health check finds the server', async t => {
  const server = await start(t, { HOST: '::' })
  await server.line(isReady)
  const { msg } = await server.line(({ msg }) => msg.startsWith('listening on '))
  const program = fileURLToPath(new URL('../src/health-check.js', import.meta.url))
  const env = { ...process.env, HOST: '::', PORT: new URL(msg.slice('listening on '.length)).port }
  t.equal(spawnSync(process.execPath, [program], { env }).status, 0)
})

t.test('a process without WebAssembly ends with one line', async t => {
  const noWebAssembly = { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --jitless` }
  const { code, stderr } = await runToExit(t, noWebAssembly)
  t.equal(code, 1)
  // V8 warns about its own flags.
  const lines = stderr.split('\n').filter(line => !line.startsWith('Warning: disabling flag'))
  const needed = 'mnist-batch-server: this process has no WebAssembly, which it needs: start Node.js without --jitless'
  t.same(lines, [needed, ''])
})

const skipLimit = process.platform !== 'linux' && 'limits of virtual memory are enforced on Linux'

t.test('too little virtual memory ends the process with one line', { skip: skipLimit }, async t => {
  // Enough for Node itself.
  const { code, stdout, stderr } = await runToExit(t, {}, ['/bin/sh', '-c', 'ulimit -v 12000000; exec "$0" "$@"'])
  t.same([code, stdout], [1, ''])
  t.match(stderr, /^mnist-batch-server: the address space is limited to 12288000000 bytes \(ulimit -v\), [^\n]*\n$/)
})

t.test('an occupied port ends the process with one line', async t => {
  const occupant = createServer().listen(0, '127.0.0.1')
  t.teardown(() => occupant.close())
  await once(occupant, 'listening')
  const { port } = occupant.address() as AddressInfo
  const { code, stderr } = await runToExit(t, { PORT: String(port), LOG_LEVEL: 'silent' })
  t.equal(code, 1)
  t.match(stderr, /^mnist-batch-server: [^\n]*EADDRINUSE[^\n]*\n$/)
})
