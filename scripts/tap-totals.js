/** Prints the totals of a TAP log as `N passed, N failed, N skipped`; fails if there are no totals, or failures. */
import { readFileSync } from 'node:fs'

const lines = readFileSync(process.argv[2], 'utf8').split('\n')
const totals = lines.findLast(line => /^# \{ total: \d+/.test(line)) ?? ''
const count = name => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0)

if (count('total') === 0 || count('fail') > 0) process.exitCode = 1
console.log(`${count('pass')} passed, ${count('fail')} failed, ${count('skip') + count('todo')} skipped`)
