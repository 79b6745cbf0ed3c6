/** Prints the checks of a script as they pass, fail or are skipped, and the totals at its end. */
import { spawnSync } from 'node:child_process'

const counts = { passed: 0, failed: 0, skipped: 0 }

process.once('exit', () => {
  if (Object.values(counts).every(count => count === 0)) return
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  if (counts.failed > 0) process.exitCode = 1
})

/** @returns whether it holds */
export function check (name, holds, detail = '') {
  report(holds ? 'passed' : 'failed', name, detail)
  return holds
}

/**
 * Runs a check that returns details to print, or throws.
 *
 * @returns whether it passed
 */
export async function run (name, test) {
  try {
    report('passed', name, await test() ?? '')
    return true
  } catch (error) {
    report('failed', name, error.stderr || error.message)
    return false
  }
}

export function skip (name, reason = '') {
  report('skipped', name, reason)
}

/** Ends the script. */
export function skipAll (reason) {
  counts.skipped++
  console.log(`SKIPPED: ${reason}`)
  process.exit()
}

/** Skips everything unless all of these programs are installed. */
export function requirePrograms (...programs) {
  const missing = programs.filter(program => spawnSync(program, ['--version']).error?.code === 'ENOENT')
  if (missing.length > 0) skipAll(`not installed: ${missing.join(', ')}. Nothing was tested.`)
}

export function expect (holds, message) {
  if (!holds) throw new Error(message)
}

function report (outcome, name, detail) {
  counts[outcome]++
  const label = outcome === 'passed' ? outcome : outcome.toUpperCase()
  console.log(`${label.padEnd(8)} ${name}${detail === '' ? '' : `: ${detail}`}`)
}
