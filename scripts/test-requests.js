/**
 * 100,000 requests that are generated from the committed OpenAPI document: our own, many of them hostile bytes, against
 * MNIST; and those of Schemathesis against a tiny dataset, so that responses take less time than their generation. No
 * server error, no hang, and every error is a problem document.
 *
 *     npm run test:requests [-- --requests 80000 --cases 20000 --processes 2 --seed n]
 *
 * Schemathesis is skipped unless PATH has it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeIdx } from '../dist/decode/idx.js'
import { startQuietService } from './lib/server.js'
import { check } from './requests/check.js'
import { createGenerator } from './requests/generate.js'

const { values: options } = parseArgs({
  options: {
    /** Of our own. */
    requests: { type: 'string', default: '80000' },
    /** Of Schemathesis, at least. */
    cases: { type: 'string', default: '20000' },
    /** Of Schemathesis at a time, since Python uses one core per process. */
    processes: { type: 'string', default: '2' },
    seed: { type: 'string' }
  }
})
const seed = Number(options.seed ?? randomInt(2 ** 31))
const CONCURRENCY = 16
const MAX_FAILURES = 10
/** Of Schemathesis. */
const CHECKS = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
  'response_schema_conformance', 'allow_header_conformance', 'unsupported_method'
]

const documentFile = fileURLToPath(new URL('../openapi/openapi.json', import.meta.url))
const document = JSON.parse(readFileSync(documentFile, 'utf8'))
const counts = { passed: 0, failed: 0, skipped: 0 }
await withServer({}, async base => {
  report(`${options.requests} generated requests (seed ${seed})`, await sendOwn(Number(new URL(base).port)))
})
await withTinyDataset(async folder => {
  await withServer({ SOURCE_DIR: folder, DATASETS: 'tiny' }, async base => {
    report('Schemathesis', await runSchemathesis(base))
  })
})
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed === 0 ? 0 : 1

function report (name, { failed, skipped, detail }) {
  counts[failed ? 'failed' : skipped ? 'skipped' : 'passed']++
  const text = failed ?? skipped ?? detail
  console.log(`${failed ? 'FAILED  ' : skipped ? 'SKIPPED ' : 'passed  '} ${name}${text ? `: ${text}` : ''}`)
}

async function withServer (settings, use) {
  const server = await startQuietService({ settings })
  try {
    await use(server.base)
    const { ok } = await fetch(`${server.base}/readyz`)
    report('the server is ready at the end', { failed: ok ? undefined : 'it is not' })
  } finally {
    await server.stop()
  }
}

/** A folder with a dataset of 4×4 images. */
async function withTinyDataset (use) {
  const folder = mkdtempSync(join(tmpdir(), 'requests-'))
  mkdirSync(join(folder, 'tiny'))
  try {
    for (const [split, count] of [['train', 60], ['t10k', 20]]) {
      const pixels = Uint8Array.from({ length: count * 16 }, (_, i) => 7 * i)
      const labels = Uint8Array.from({ length: count }, (_, i) => i % 3)
      writeFileSync(join(folder, 'tiny', `${split}-images-idx3-ubyte`), encodeIdx([count, 4, 4], pixels))
      writeFileSync(join(folder, 'tiny', `${split}-labels-idx1-ubyte`), encodeIdx([count], labels))
    }
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function sendOwn (port) {
  const next = createGenerator(document, createRandom(seed))
  const statuses = new Map()
  const failures = []
  let left = Number(options.requests)
  async function client () {
    while (left-- > 0 && failures.length < MAX_FAILURES) {
      const request = next()
      try {
        const status = await check(port, request) ?? 'closed'
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      } catch (error) {
        failures.push(`${error.message}\n    ${JSON.stringify(request.bytes.toString('latin1', 0, 600))}`)
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, client))
  const detail = [...statuses].sort().map(([status, count]) => `${status}: ${count}`).join(', ')
  return failures.length > 0 ? { failed: `\n  ${failures.join('\n  ')}\n  ${detail}` } : { detail }
}

/** Runs Schemathesis with one seed after the other until it has generated enough cases. */
async function runSchemathesis (base) {
  const { error } = spawnSync('schemathesis', ['--version'])
  if (error) return { skipped: 'PATH has no schemathesis (pip install schemathesis)' }
  const runs = []
  let cases = 0
  let failed
  async function runProcess () {
    while (cases < Number(options.cases) && !failed) {
      const run = await schemathesis(base, seed + runs.push(base))
      cases += run.cases
      failed ??= run.failed
    }
  }
  await Promise.all(Array.from({ length: Number(options.processes) }, runProcess))
  return { failed, detail: `${cases} cases in ${runs.length} runs` }
}

async function schemathesis (base, seed) {
  // It keeps its examples in the working directory.
  const cwd = mkdtempSync(join(tmpdir(), 'schemathesis-'))
  const hooks = fileURLToPath(new URL('requests', import.meta.url))
  const child = spawn('schemathesis', [
    'run', documentFile, '--url', base, '--max-examples', '300', '--workers', '1', '--seed', String(seed),
    '--checks', CHECKS.join(), '--request-timeout', '30', '--continue-on-failure', '--no-shrink',
    '--suppress-health-check', 'all'
  ], {
    env: { ...process.env, PYTHONPATH: hooks, SCHEMATHESIS_HOOKS: 'schemathesis_hooks', PYTHONDONTWRITEBYTECODE: '1' },
    cwd,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let output = ''
  child.stdout.on('data', chunk => { output += chunk })
  const [code] = await once(child, 'close')
  rmSync(cwd, { recursive: true })
  const cases = Number(/^ *(\d+) generated/m.exec(output)?.[1] ?? 0)
  const isPassed = code === 0 && cases > 0
  return { cases, failed: isPassed ? undefined : `seed ${seed}, exit code ${code}\n${output.slice(-6000)}` }
}

/** Mulberry32, whose sequence a seed repeats. */
function createRandom (state) {
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
