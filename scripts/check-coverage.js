/** Fails if the last run of the tests covered less of src/ than required. */
import { readFileSync } from 'node:fs'

const required = { lines: 95, branches: 90 }

const { total } = JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8'))
for (const [kind, minimum] of Object.entries(required)) {
  const { pct } = total[kind]
  console.log(`${kind}: ${pct} % covered, at least ${minimum} % required`)
  if (pct < minimum) process.exitCode = 1
}
