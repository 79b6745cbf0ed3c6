/**
 * Lints the OpenAPI document, and generates three clients that must compile and fetch batches. The
 * tools are installed in a temporary folder; what cannot be installed is skipped.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as checks from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'
import { startService } from '../lib/server.js'

const TIMEOUT_MS = 300_000
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = temporaryFolder('openapi')
const environment = {
  ...process.env,
  // The generator formats its code with the first ruff of the path.
  PATH: `${join(folder, 'venv/bin')}:${process.env.PATH}`,
  REDOCLY_TELEMETRY: 'off',
  REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true'
}

cpSync(join(root, 'scripts/drill/openapi'), folder, { recursive: true })
cpSync(join(root, 'openapi/openapi.json'), join(folder, 'openapi.json'))
const server = await startService()
try {
  await testInNode(server.base)
  await testInPython(server.base)
} finally {
  await server.stop()
}

async function testInNode (base) {
  const npm = run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'])
  if (npm.failed) return skip(['redocly', 'spectral', 'openapi-fetch', 'hey-api'], 'npm cannot install them', npm)
  await checks.run('redocly', () => {
    const { totals } = JSON.parse(orThrow(run('npx', ['redocly', 'lint', '--format=json', 'openapi.json'])).stdout)
    if (totals.errors + totals.warnings > 0) throw new Error(`${totals.errors} errors, ${totals.warnings} warnings`)
  })
  await checks.run('spectral', () => {
    writeFileSync(join(folder, '.spectral.json'), '{ "extends": ["spectral:oas"] }')
    const options = ['--ruleset=.spectral.json', '--fail-severity=hint']
    orThrow(run('npx', ['spectral', 'lint', ...options, 'openapi.json']))
  })
  await checks.run('openapi-fetch', () => {
    orThrow(run('npx', ['openapi-typescript', 'openapi.json', '-o', 'schema.d.ts']))
    compileAndRun('fetch', base)
    const committed = readFileSync(join(root, 'clients/typescript/src/schema.ts'), 'utf8')
    if (readFileSync(join(folder, 'schema.d.ts'), 'utf8') !== committed) {
      throw new Error('the types of clients/typescript are outdated: npm run generate')
    }
  })
  await checks.run('hey-api', () => {
    orThrow(run('npx', ['openapi-ts', '-i', 'openapi.json', '-o', 'hey-api']))
    compileAndRun('hey-api', base)
  })
}

function compileAndRun (program, base) {
  writeFileSync(join(folder, `tsconfig.${program}.json`), JSON.stringify({
    extends: './tsconfig.json', files: [`${program}.ts`]
  }))
  orThrow(run('npx', ['tsc', '-p', `tsconfig.${program}.json`]))
  orThrow(run(process.execPath, [`built/${program}.js`, base]))
}

async function testInPython (base) {
  const python = join(folder, 'venv/bin/python')
  const pip = run('python3', ['-m', 'venv', 'venv'])
  const install = pip.failed ? pip : run(python, ['-m', 'pip', 'install', '-q', '-r', 'requirements.txt'])
  if (install.failed) return skip(['openapi-python-client'], 'pip cannot install it', install)
  await checks.run('openapi-python-client', () => {
    const output = ['--meta', 'none', '--output-path', 'mnist_batch_server_client']
    orThrow(run(python, ['-m', 'openapi_python_client', 'generate', '--path', 'openapi.json', ...output]))
    orThrow(run(python, ['-m', 'mypy', '--strict', 'python_client.py', 'mnist_batch_server_client']))
    orThrow(run(python, ['python_client.py', base]))
  })
}

function run (command, args) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder, env: environment, encoding: 'utf8', timeout: TIMEOUT_MS
  })
  const failed = error?.message ?? (status === 0 ? undefined : `ended with ${status}: ${stdout}${stderr}`)
  return { command: [command, ...args].join(' '), failed, stdout }
}

function orThrow (result) {
  if (result.failed) throw new Error(`${result.command} ${result.failed}`)
  return result
}

function skip (names, reason, { failed }) {
  for (const name of names) checks.skip(name, `${reason} (${failed.split('\n', 1)[0]})`)
}
