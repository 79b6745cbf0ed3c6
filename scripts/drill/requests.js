/**
 * Sends requests generated from the OpenAPI document, many of them hostile: 100,000 of Schemathesis against a tiny
 * dataset, so that responses take less time than their generation, and 80,000 of our own, many of them hostile bytes,
 * against MNIST. No server error, no hang, no undocumented response, and every error is a problem document.
 *
 *     npm run drill -- requests [--requests 80000 --cases 100000 --processes 2 --seed n]
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
import { idx } from '../../dist/decode/idx.js'
import * as checks from '../lib/checks.js'
import { temporaryFolder, writeKeys } from '../lib/files.js'
import { freePort, startQuietService } from '../lib/server.js'
import { check } from './requests/check.js'
import { createGenerator } from './requests/generate.js'

const { values: options } = parseArgs({
  options: {
    /** Of our own. */
    requests: { type: 'string', default: '80000' },
    /** Of Schemathesis, at least. */
    cases: { type: 'string', default: '100000' },
    /** Of Schemathesis at a time, since Python uses one core per process. */
    processes: { type: 'string', default: '2' },
    seed: { type: 'string' }
  }
})
const seed = Number(options.seed ?? randomInt(2 ** 31))
const CONCURRENCY = 16
const MAX_FAILURES = 10
/** Of metrics: 24 routes, 5 methods and about 20 statuses would have some thousand, few of which occur. */
const MAX_SERIES = 1000
/** Of Schemathesis. */
const CHECKS = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
  'response_schema_conformance', 'allow_header_conformance', 'unsupported_method',
  // Our own, in requests/schemathesis_hooks.py.
  'documented_headers', 'documented_body', 'authentication'
]
/** Of Schemathesis, for each operation: the more there are, the longer each takes. */
const MAX_EXAMPLES = 40
/** Phases of the first process, and of all others, since coverage has the same cases every time. */
const PHASES = ['examples,coverage,fuzzing,stateful', 'fuzzing,stateful']

const documentFile = fileURLToPath(new URL('../../openapi/openapi.json', import.meta.url))
const document = JSON.parse(readFileSync(documentFile, 'utf8'))
const folder = temporaryFolder('requests')
const KEY = 'a-valid-key'
const keys = { API_KEYS_FILE: writeKeys({ test: KEY }) }

/** Settings of the server, with the key that most requests have, and the share of all requests. */
const modes = {
  'without keys': { settings: {}, share: 0.5 },
  'with keys': { settings: keys, key: KEY, share: 0.48 },
  // Most requests exceed the limit.
  'with keys and RATE_LIMIT': { settings: { ...keys, RATE_LIMIT: '300' }, key: KEY, share: 0.02 }
}

writeTinyDataset()
for (const [name, { settings, key, share }] of Object.entries(modes)) {
  const requests = Math.ceil(share * Number(options.requests))
  await withServer(name, settings, async base => {
    report(`${requests} generated requests ${name} (seed ${seed})`, await sendOwn(base, requests, key))
  })
  await withServer(name, { ...settings, SOURCE_DIR: folder, DATASETS: 'tiny' }, async base => {
    report(`Schemathesis ${name}`, await runSchemathesis(base, share * Number(options.cases), key))
  })
}

function report (name, { failed, skipped, detail }) {
  if (skipped) checks.skip(name, skipped)
  else checks.check(name, !failed, failed ?? detail)
}

async function withServer (mode, settings, use) {
  const metricsPort = await freePort()
  const server = await startQuietService({ settings: { METRICS_PORT: String(metricsPort), ...settings } })
  try {
    await use(server.base)
    const { ok } = await fetch(`${server.base}/readyz`)
    report(`the server is ready at the end, ${mode}`, { failed: ok ? undefined : 'it is not' })
    const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
    report(`its metrics agree, ${mode}`, checkMetrics(await metrics.text()))
  } finally {
    await server.stop()
  }
}

/** Requests may add no series without bound, and no response may have been a server error. */
function checkMetrics (text) {
  const series = [...text.matchAll(/^http_request_duration_seconds_count\{.*status_code="(\d+)"\} (?!0$)/gm)]
  const errors = series.filter(([, status]) => status >= '500' && !['503', '505'].includes(status))
  if (errors.length > 0) return { failed: errors.map(([line]) => line).join(', ') }
  if (series.length === 0 || series.length > MAX_SERIES) return { failed: `${series.length} series` }
  return { detail: `${series.length} series of methods, routes and statuses` }
}

/** A dataset of 4×4 images. */
function writeTinyDataset () {
  mkdirSync(join(folder, 'tiny'))
  const samples = count => ({
    count,
    images: Uint8Array.from({ length: count * 16 }, (_, i) => 7 * i),
    labels: Uint8Array.from({ length: count }, (_, i) => i % 3)
  })
  const raw = { shape: { channels: 1, rows: 4, columns: 4 }, train: samples(60), test: samples(20) }
  const names = ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1']
  names.forEach((name, i) => writeFileSync(join(folder, 'tiny', `${name}-ubyte`), idx.encode(raw, i)))
}

async function sendOwn (base, requests, key) {
  const next = createGenerator(document, createRandom(seed), key)
  const statuses = new Map()
  const failures = []
  let left = requests
  async function client () {
    while (left-- > 0 && failures.length < MAX_FAILURES) {
      const request = next()
      try {
        const status = await check(Number(new URL(base).port), request) ?? 'closed'
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
async function runSchemathesis (base, minCases, key) {
  const { error } = spawnSync('schemathesis', ['--version'])
  if (error) return { skipped: 'PATH has no schemathesis (pip install schemathesis)' }
  const started = performance.now()
  let runs = 0
  let cases = 0
  let failed
  async function runProcess () {
    while (cases < minCases && !failed) {
      const run = await schemathesis(base, seed + runs, PHASES[Math.min(runs++, 1)], key)
      cases += run.cases
      console.error(`         ${cases} of ${minCases} cases`)
      failed ??= run.failed
    }
  }
  await Promise.all(Array.from({ length: Number(options.processes) }, runProcess))
  const minutes = ((performance.now() - started) / 60_000).toFixed(1)
  return { failed, detail: `${cases} cases in ${runs} runs, ${minutes} min` }
}

async function schemathesis (base, seed, phases, key) {
  // It keeps its examples in the working directory.
  const cwd = mkdtempSync(join(tmpdir(), 'schemathesis-'))
  const hooks = fileURLToPath(new URL('requests', import.meta.url))
  const child = spawn('schemathesis', [
    'run', documentFile, '--url', base, '--phases', phases, '--max-examples', String(MAX_EXAMPLES), '--workers', '1',
    '--seed', String(seed), '--checks', CHECKS.join(), '--request-timeout', '120', '--continue-on-failure',
    '--no-shrink', '--suppress-health-check', 'all'
  ], {
    env: {
      ...process.env,
      ...(key && { API_KEY: key }),
      PYTHONPATH: hooks,
      SCHEMATHESIS_HOOKS: 'schemathesis_hooks',
      PYTHONDONTWRITEBYTECODE: '1'
    },
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
