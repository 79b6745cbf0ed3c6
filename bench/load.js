/** Load by wrk, on loopback and for a limited time. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { programPath } from './alternatives.js'

const run = promisify(execFile)

/** Requests in flight where a comparison does not say otherwise. */
export const CONNECTIONS = 16

/**
 * Requests the paths of a template in order, from one thread.
 *
 * @param target.path the template, see programs/load.lua for its placeholders
 * @param target.pages pages of an epoch
 * @param target.firstEpoch the epoch to begin with
 * @param options.allowErrors whether requests may fail or stay without a response
 * @returns requests and MB per second, percentiles of the latency in ms, and the number of epochs begun
 */
export async function load (target, { seconds, connections = CONNECTIONS, allowErrors = false }) {
  const { base, path, pages = 1, firstEpoch = 0, headers = {} } = target
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency']
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const script = ['-s', programPath('load.lua'), base, '--', path, String(pages), String(firstEpoch)]
  const { stdout } = await run('wrk', [...options, ...fields, ...script], { timeout: (seconds + 15) * 1000 })
  const { requests, bytes, us, errors, p50us, p99us } = JSON.parse(stdout.trim().split('\n').at(-1))
  if (!allowErrors && (errors > 0 || requests === 0)) {
    throw new Error(`${errors} errors, ${requests} responses from ${base}${path}`)
  }
  return {
    'requests/s': requests / us * 1e6,
    'MB/s': bytes / us,
    'p50 ms': p50us / 1000,
    'p99 ms': p99us / 1000,
    // Requests in flight at the end were sent, but are not counted.
    epochs: Math.ceil((requests + connections) / pages)
  }
}
