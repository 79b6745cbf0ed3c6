/**
 * Generated requests against the server with MNIST: those of Schemathesis, from the committed OpenAPI document, and our
 * own, which include hostile bytes. No server error, no hang, and every error is a problem document.
 *
 *     npm run test:requests [-- --requests 50000 --examples 2000 --seed n]
 *
 * Schemathesis is skipped unless PATH has it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startQuietService } from './lib/server.js'
import { check } from './requests/check.js'
import { createGenerator } from './requests/generate.js'

const { values: options } = parseArgs({
  options: {
    /** Of our own. */
    requests: { type: 'string', default: '50000' },
    /** Of Schemathesis, per operation. */
    examples: { type: 'string', default: '2000' },
    seed: { type: 'string' }
  }
})
const seed = Number(options.seed ?? randomInt(2 ** 31))
const CONCURRENCY = 16
const MAX_FAILURES = 10

const documentFile = fileURLToPath(new URL('../openapi/openapi.json', import.meta.url))
const document = JSON.parse(readFileSync(documentFile, 'utf8'))
const server = await startQuietService()
const port = Number(new URL(server.base).port)
const counts = { passed: 0, failed: 0, skipped: 0 }
try {
  report(`${options.requests} generated requests (seed ${seed})`, await sendOwn())
  report('Schemathesis', await runSchemathesis())
  const { ok } = await fetch(`${server.base}/readyz`)
  report('the server is ready at the end', { failed: ok ? undefined : 'it is not' })
} finally {
  await server.stop()
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed === 0 ? 0 : 1

function report (name, { failed, skipped, detail }) {
  counts[failed ? 'failed' : skipped ? 'skipped' : 'passed']++
  const text = failed ?? skipped ?? detail
  console.log(`${failed ? 'FAILED  ' : skipped ? 'SKIPPED ' : 'passed  '} ${name}${text ? `: ${text}` : ''}`)
}

async function sendOwn () {
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

async function runSchemathesis () {
  const { error } = spawnSync('schemathesis', ['--version'])
  if (error) return { skipped: 'PATH has no schemathesis (pip install schemathesis)' }
  const child = spawn('schemathesis', [
    'run', documentFile, '--url', server.base, '--max-examples', options.examples, '--workers', '4',
    '--seed', String(seed), '--checks',
    'not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,' +
      'response_schema_conformance,allow_header_conformance,unsupported_method',
    '--request-timeout', '30', '--continue-on-failure', '--no-shrink', '--suppress-health-check', 'all'
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => { output += chunk })
  const [code] = await once(child, 'close')
  const summary = output.slice(output.lastIndexOf('= SUMMARY =')).replaceAll('\n', ' ').trim()
  return code === 0 ? { detail: summary } : { failed: `exit code ${code}\n${output.slice(-6000)}` }
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
