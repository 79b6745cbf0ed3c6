/** What the examples and tests with all of TensorFlow.js require, which the service itself does not. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findChromium } from '../../examples/tfjs/chromium.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'examples/tfjs')
const TIMEOUT_MS = 300_000

/**
 * Installs the packages of examples/tfjs and builds the TypeScript client, where they are missing.
 *
 * @param options.native whether the native backend is required, too, which `npm ci` installs where it can
 * @param options.browser whether Chromium is required
 * @returns why the examples cannot run, if they cannot
 */
export function prepareTfjs ({ native = false, browser = false } = {}) {
  if (browser && !findChromium()) return 'no chromium in PATH'
  if (native && !existsSync(join(root, 'node_modules/@tensorflow/tfjs-node/lib'))) return 'no tfjs-node'
  return installPackages() ?? buildClient()
}

/** Imports a package that `prepareTfjs` has installed. */
export async function importTfjs (name) {
  const module = await import(pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)))
  return module.default ?? module
}

function installPackages () {
  if (existsSync(join(folder, 'node_modules/@tensorflow/tfjs'))) return undefined
  console.log('installing the packages of examples/tfjs')
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder]
  const { error, status, stderr } = spawnSync('npm', ['install', ...options], {
    cwd: folder, encoding: 'utf8', timeout: TIMEOUT_MS
  })
  return status === 0 ? undefined : `npm cannot install @tensorflow/tfjs: ${error?.message ?? stderr.split('\n')[0]}`
}

function buildClient () {
  const client = join(root, 'clients/typescript')
  if (existsSync(join(client, 'dist'))) return undefined
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { error, status, stdout } = spawnSync(process.execPath, [tsc, '-p', client], { encoding: 'utf8' })
  return status === 0 ? undefined : `the TypeScript client cannot be built: ${error?.message ?? stdout}`
}
