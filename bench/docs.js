/**
 * Writes the results in bench/results into README.md and docs/performance.md. Each table replaces the one below its
 * marker, which lists comparisons or groups of them: <!-- bench: cold natural -->
 *
 *     npm run bench:docs
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolveNames } from './comparisons.js'
import { markdownTable } from './report.js'

/** A marker and the table below it. */
const TABLE = /^<!-- bench: (.+) -->\n\n(?:\|.*\n)*/gm

for (const file of ['README.md', 'docs/performance.md']) {
  const url = new URL(`../${file}`, import.meta.url)
  const text = readFileSync(url, 'utf8')
  writeFileSync(url, text.replaceAll(TABLE, (table, marker) => {
    const names = resolveNames(marker.split(' '))
    const missing = names.filter(name => !existsSync(resultsUrl(name)))
    const result = missing.length > 0 ? `unchanged, no results for ${missing.join(', ')}` : 'written'
    console.log(`${file}, ${marker}: ${result}`)
    if (missing.length > 0) return table
    const rows = names.flatMap(name => JSON.parse(readFileSync(resultsUrl(name), 'utf8')).rows)
    return `<!-- bench: ${marker} -->\n\n${markdownTable(rows)}\n`
  }))
}

function resultsUrl (name) {
  return new URL(`results/${name}.json`, import.meta.url)
}
