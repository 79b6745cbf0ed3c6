/**
 * Guards what clients see. Sends every request of test/golden/responses.json to a server of its own, and compares the
 * responses with those in that file: status, headers and body. A change that should not be visible leaves no
 * difference.
 *
 *     npm run test:responses [-- --ignore-details]
 *     node scripts/responses.js record
 *
 * With --ignore-details, texts for people do not count: titles, details and descriptions.
 *
 * To add a request, add a line with its `url` and, where they matter, `method`, `sent` (headers), `body`, and `text` if
 * the response is mostly for people; `record` adds the response. `~` stands for the path of the splits, `<v>` for the
 * version, and `<etag>` for the ETag of the same resource. `last` requests are sent after all others.
 *
 * Some responses depend on whether Node.js has Zstandard, and are recorded for both cases: run `record` with Node.js 22
 * or newer first, then with 20. Each run leaves those of the other as they are.
 */
import { parseArgs } from 'node:util'
import { findDifferences } from './responses/differences.js'
import { describeRequest, keyOf, readGolden, writeGolden } from './responses/golden.js'
import { hasZstd, observe } from './responses/observe.js'

const { values: { 'ignore-details': isLenient }, positionals: [mode = 'compare'] } = parseArgs({
  allowPositionals: true,
  options: { 'ignore-details': { type: 'boolean', default: false } }
})
if (!['record', 'compare'].includes(mode)) throw new Error(`the mode is record or compare, not ${mode}`)

const started = performance.now()
const golden = readGolden()
const requests = [...new Map(golden.entries.map(entry => [keyOf(entry), entry])).values()]
const { version, entries, unstable } = await observe(requests)
const hasPassed = mode === 'record' ? record() : compare()
process.exitCode = hasPassed ? 0 : 1

function record () {
  const others = golden.entries.filter(({ zstd }) => zstd === !hasZstd)
  writeGolden(version, [...entries, ...others])
  console.log(`took ${seconds()}`)
  for (const [entry, found] of unstable) console.log([describeRequest(entry), ...found].join('\n  '))
  console.log(`${entries.length} responses recorded, ${others.length} unchanged, ${unstable.size} not repeatable`)
  return unstable.size === 0
}

function compare () {
  const comparable = golden.entries.filter(({ zstd = hasZstd }) => zstd === hasZstd)
  const recorded = new Map(comparable.map(entry => [keyOf(entry), entry]))
  const found = entries.map(entry => {
    const before = recorded.get(keyOf(entry))
    const differences = before ? findDifferences(before, entry, isLenient) : ['not recorded']
    return [describeRequest(entry), ...differences, ...unstable.get(entry) ?? []]
  })
  found.unshift(['version', ...golden.version === version ? [] : [`${golden.version} → ${version}`]])
  const different = found.filter(({ length }) => length > 1)
  for (const lines of different) console.log(lines.join('\n  '))
  console.log(`took ${seconds()}`)
  console.log(`${entries.length} responses compared, ${different.length} differ`)
  return different.length === 0
}

function seconds () {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}
