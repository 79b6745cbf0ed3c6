/**
 * Writes the results in bench/results into README.md and docs/performance.md. Each table replaces the one below its
 * marker, which lists comparisons or groups of them: <!-- bench: cold natural -->
 *
 *     npm run bench:docs
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolveNames } from './comparisons.js'
import { markdownTable } from './report.js'

const MARKER = /^<!-- bench: (.+) -->\n(?:\n(?:\|.*\n)+)?/gm

for (const file of ['README.md', 'docs/performance.md']) {
  const url = new URL(`../${file}`, import.meta.url)
  const text = readFileSync(url, 'utf8')
  writeFileSync(url, text.replaceAll(MARKER, (_, names) => {
    const rows = resolveNames(names.split(' ')).flatMap(readRows)
    console.log(`${file}: ${rows.length} rows of ${names}`)
    return `<!-- bench: ${names} -->\n\n${markdownTable(rows)}\n`
  }))
}

function readRows (name) {
  return JSON.parse(readFileSync(new URL(`results/${name}.json`, import.meta.url), 'utf8')).rows
}
