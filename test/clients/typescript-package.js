import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepareTfjs } from '../../scripts/lib/tfjs.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'clients/typescript')
const examples = join(root, 'examples/tfjs')
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const TIMEOUT_MS = 600_000

/** Tests that need more than Node.js and the packages of this repository. */
const requirements = {
  'browser.test.js': () => prepareTfjs({ browser: true }),
  'docs.test.js': () => prepareTfjs(),
  'fit-dataset.test.js': () => prepareTfjs()
}

const resolutions = [
  { module: 'node16', moduleResolution: 'node16' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
  // The default of module commonjs in TypeScript 5, which reads `types` and `typesVersions` instead of `exports`.
  { module: 'commonjs', moduleResolution: 'node10' }
]

/** What the package consists of, besides what npm always adds. */
const PACKED = /^(dist\/[a-z]+\.(js|d\.ts)|package\.json|README\.md)$/

/**
 * Builds, packs and installs the TypeScript client, checks its types as those who import it do, and runs its tests.
 *
 * @returns {Promise<Array<{ name: string, failed?: string, skipped?: string }>>}
 */
export async function testTypeScriptClient () {
  const scratch = mkdtempSync(join(tmpdir(), 'typescript-client-'))
  const steps = [
    ['build', () => run(process.execPath, [tsc, '-p', folder])],
    ['install from its folder', () => installFolder()],
    ['package', () => pack(scratch)],
    ...resolutions.map(options => [`types under ${options.moduleResolution}`, () => checkTypes(scratch, options)]),
    ['types with TensorFlow.js', () => checkTypesWithTensorFlow(scratch), () => prepareTfjs()],
    ...readdirSync(join(folder, 'test')).filter(name => name.endsWith('.test.js')).map(name => {
      const path = join(folder, 'test', name)
      return [`test/${name}`, () => run(process.execPath, ['--test', path], { stdio: 'inherit' }), requirements[name]]
    })
  ]
  const results = []
  try {
    for (const [step, execute, requirement] of steps) {
      const name = `clients/typescript: ${step}`
      console.log(`\n--- ${name}`)
      const skipped = requirement?.()
      if (skipped) {
        results.push({ name, skipped })
        continue
      }
      const failed = execute()
      results.push(failed ? { name, failed } : { name })
      // Nothing else works without the build.
      if (failed && step === 'build') break
    }
  } finally {
    rmSync(scratch, { recursive: true })
  }
  return results
}

/** Installs the folder in an empty one, which links it, and builds what is missing. */
function installFolder () {
  const empty = mkdtempSync(join(tmpdir(), 'typescript-folder-'))
  try {
    rmSync(join(folder, 'dist'), { recursive: true })
    writeFileSync(join(empty, 'package.json'), '{ "private": true, "type": "module" }')
    const failed = run('npm', ['install', folder, '--no-audit', '--no-fund', '--prefix', empty], { cwd: empty })
    const program = "await import('mnist-batch-client'); await import('mnist-batch-client/tfjs')"
    return failed ?? run(process.execPath, ['--input-type=module', '-e', program], { cwd: empty })
  } finally {
    rmSync(empty, { recursive: true })
  }
}

/** Installs the packed client in an empty folder. */
function pack (scratch) {
  const { error, status, stdout } = spawnSync('npm', [
    'pack', folder, '--json', '--ignore-scripts', '--pack-destination', scratch
  ], { encoding: 'utf8', timeout: TIMEOUT_MS })
  if (error || status !== 0) return error?.message ?? `npm pack ended with ${status}`
  const [{ filename, files }] = JSON.parse(stdout)
  const others = files.map(({ path }) => path).filter(path => !PACKED.test(path))
  if (others.length > 0) return `the package contains ${others.join(', ')}`
  writeFileSync(join(scratch, 'package.json'), '{ "private": true, "type": "module" }')
  const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', scratch]
  return run('npm', ['install', join(scratch, filename), ...options], { cwd: scratch })
}

function checkTypes (scratch, options) {
  mkdirSync(join(scratch, 'node_modules/@tensorflow'), { recursive: true })
  for (const name of ['@tensorflow/tfjs-core', '@types']) link(scratch, join(root, 'node_modules'), name)
  return compile(scratch, 'consumer.ts', options)
}

/** `model.fitDataset` and `tf.data` have types of their own. */
function checkTypesWithTensorFlow (scratch) {
  const packages = readdirSync(join(examples, 'node_modules/@tensorflow')).map(name => `@tensorflow/${name}`)
  for (const name of packages) link(scratch, join(examples, 'node_modules'), name)
  // The types of tfjs-layers do not pass a strict check themselves.
  return compile(scratch, 'fit-dataset.ts', { module: 'node16', moduleResolution: 'node16', skipLibCheck: true })
}

function link (scratch, modules, name) {
  const path = join(scratch, 'node_modules', name)
  rmSync(path, { force: true })
  symlinkSync(join(modules, name), path)
}

function compile (scratch, program, options) {
  cpSync(join(folder, 'test', program), join(scratch, program))
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.iterable'],
      strict: true,
      noEmit: true,
      // tfjs-core refers to long.
      types: ['node', 'long'],
      ...options
    },
    files: [program]
  }))
  return run(process.execPath, [tsc, '-p', scratch])
}

/** @returns what went wrong, if anything */
function run (command, args, options = {}) {
  const { error, status, stdout = '' } = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', timeout: TIMEOUT_MS, ...options
  })
  if (error) return error.message
  return status === 0 ? undefined : `ended with ${status} ${stdout ?? ''}`
}
