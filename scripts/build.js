/**
 * Compiles src to dist with TypeScript, which is a development dependency, and builds the Explorer. Without them, what
 * was built before is good enough to start; if nothing was, one line says what to run.
 *
 *     node scripts/build.js [--install]
 *
 * With --install (after `npm ci`), it builds tap with the plugins of .taprc as well, and a missing compiler is no
 * error.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildExplorer } from './build-explorer.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const isInstall = process.argv.includes('--install')

process.exitCode = build()
if (process.exitCode === 0 && existsSync(join(root, 'dist/server.js'))) await buildExplorer()
if (isInstall && process.exitCode === 0) process.exitCode = run('tap', 'build') ?? 0

function build () {
  const status = run('typescript', '-b', 'tsconfig.build.json')
  if (status !== undefined) return status
  if (!existsSync(join(root, 'dist/server.js'))) {
    console.error('mnist-batch-server is not built, and TypeScript is not installed: run npm ci --include=dev')
    return isInstall ? 0 : 1
  }
  if (newest('src') > newest('dist')) {
    console.error('mnist-batch-server was built before src changed: run npm ci --include=dev to build it again')
  }
  return 0
}

/** Runs the program of a package, and returns its exit code; undefined if the package is not installed. */
function run (name, ...args) {
  let manifest
  try {
    manifest = require.resolve(`${name}/package.json`)
  } catch {
    return undefined
  }
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
  const program = join(dirname(manifest), bin.tsc ?? bin[name])
  return spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' }).status ?? 1
}

/** When a file in a folder changed last, in milliseconds; 0 if there is none. */
function newest (folder) {
  const path = join(root, folder)
  if (!existsSync(path)) return 0
  return Math.max(0, ...readdirSync(path, { recursive: true }).map(name => statSync(join(path, name)).mtimeMs))
}
