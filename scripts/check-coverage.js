/** Fails where the tests cover less of src than is asked for; reads the summary of the last run of the tests. */
import { readFileSync } from 'node:fs'

const required = { lines: 95, branches: 90 }

const { total } = JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8'))
for (const [kind, least] of Object.entries(required)) {
  const { pct } = total[kind]
  console.log(`${kind}: ${pct} % covered, at least ${least} % required`)
  if (pct < least) process.exitCode = 1
}
