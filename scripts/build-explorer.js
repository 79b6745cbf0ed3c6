/**
 * Builds the Explorer, explorer/ → dist/explorer, unless it is up to date. Vite is a development dependency: without
 * it, what was built before is good enough; if nothing was, one line says what to run.
 */
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('..', import.meta.url))
const output = join(root, 'dist/explorer')
const page = join(output, 'index.html')

/** What the page consists of: its own sources, the modules that it shares with the server, and the libraries. */
const inputs = [
  'explorer',
  'package-lock.json',
  'scripts/build-explorer.js',
  'src/batch/options.ts',
  'src/batch/augment/augmentations.ts',
  'src/dataset/sample-splits.ts'
]

if (fileURLToPath(import.meta.url) === process.argv[1]) await buildExplorer()

/** @returns whether there is a page to serve */
export async function buildExplorer () {
  const isBuilt = existsSync(page)
  const changed = Math.max(...inputs.map(newest))
  if (isBuilt && statSync(page).mtimeMs >= changed) return true
  if (isInstalled('vite')) {
    const vite = await import('vite')
    await vite.build({ configFile: join(root, 'explorer/vite.config.js') })
    compressAssets(join(output, 'assets'))
    // Sources may have been changed meanwhile.
    utimesSync(page, changed / 1000, changed / 1000 + 0.001)
    return true
  }
  const state = isBuilt ? 'was built before it changed' : 'is not built'
  console.error(`the Explorer ${state}, and Vite is not installed: run npm ci --include=dev to build it`)
  return isBuilt
}

function isInstalled (name) {
  try {
    return Boolean(require.resolve(`${name}/package.json`))
  } catch {
    return false
  }
}

/** Writes each file compressed beside it, for clients that accept that. */
function compressAssets (folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const bytes = readFileSync(path)
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
  }
}

/** When a file, or any file of a folder, changed last, in milliseconds; 0 if there is none. */
function newest (name) {
  const path = join(root, name)
  if (!existsSync(path)) return 0
  const { mtimeMs } = statSync(path)
  if (!statSync(path).isDirectory()) return mtimeMs
  return Math.max(mtimeMs, ...readdirSync(path, { recursive: true }).map(file => statSync(join(path, file)).mtimeMs))
}
