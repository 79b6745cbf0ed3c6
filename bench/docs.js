/**
 * Writes the results in bench/results into README.md and docs/performance.md. Each table replaces the one below its
 * marker, which lists comparisons or groups of them: <!-- bench: cold natural -->. Scaling curves are also drawn into
 * docs/scaling-<curve>.svg.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolveNames } from './comparisons.js'
import { markdownTable } from './report.js'
import { curveTable, drawCurve } from './scaling-docs.js'

/** A marker and the table below it. */
const TABLE = /^<!-- bench: (.+) -->\n\n(?:\|.*\n)*/gm

export function writeDocs () {
  for (const file of ['README.md', 'docs/performance.md']) {
    const url = new URL(`../${file}`, import.meta.url)
    writeFileSync(url, readFileSync(url, 'utf8').replaceAll(TABLE, (table, marker) => {
      const names = resolveNames(marker.split(' '))
      const missing = names.filter(name => !existsSync(resultsUrl(name)))
      const result = missing.length > 0 ? `unchanged, no results for ${missing.join(', ')}` : 'written'
      console.log(`${file}, ${marker}: ${result}`)
      if (missing.length > 0) return table
      const rows = names.flatMap(readRows)
      return `<!-- bench: ${marker} -->\n\n${rows[0].curve ? curveTable(rows) : markdownTable(rows)}\n`
    }))
  }
  for (const name of resolveNames(['scaling']).filter(name => existsSync(resultsUrl(name)))) {
    writeFileSync(new URL(`../docs/${name}.svg`, import.meta.url), drawCurve(readRows(name)))
  }
}

function readRows (name) {
  return JSON.parse(readFileSync(resultsUrl(name), 'utf8')).rows
}

function resultsUrl (name) {
  return new URL(`results/${name}.json`, import.meta.url)
}
