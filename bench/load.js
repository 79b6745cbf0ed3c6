/** Load by wrk, on loopback only, bounded in time. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const script = fileURLToPath(new URL('load.lua', import.meta.url))
const run = promisify(execFile)

/**
 * Asks `base` for pages for some seconds, from one thread.
 *
 * @param target.path what is asked for; {} in it runs from 0 to `pages` − 1, and {epoch} counts how often it did
 * @returns requests and MB per second, and the latency's percentiles in ms
 */
export async function load ({ base, path, pages = 1, headers = {} }, { seconds, connections = 16 }) {
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', '-s', script]
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const { stdout } = await run('wrk', [...options, ...fields, base, '--', path, String(pages)], { timeout: (seconds + 15) * 1000 })
  const { requests, bytes, us, errors, p50us, p99us } = JSON.parse(stdout.trim().split('\n').at(-1))
  if (errors > 0 || requests === 0) throw new Error(`${errors} errors, ${requests} answers from ${base}${path}`)
  return { 'requests/s': requests / us * 1e6, 'MB/s': bytes / us, 'p50 ms': p50us / 1000, 'p99 ms': p99us / 1000 }
}
