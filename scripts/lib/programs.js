/** Programs that tests need besides Node.js. */
import { spawnSync } from 'node:child_process'

/**
 * Ends a test as skipped, with the reason and the totals, unless all of these programs are installed.
 *
 * @param subject what is not tested without them
 */
export function requirePrograms (subject, ...programs) {
  const isMissing = program => spawnSync(program, ['--version']).error?.code === 'ENOENT'
  const missing = programs.filter(isMissing).join(', ')
  if (missing === '') return
  console.log(`SKIPPED: not installed: ${missing}. ${subject} NOT tested.`)
  console.log('0 passed, 0 failed, 1 skipped')
  process.exit()
}
