/**
 * Measures the service beside its alternatives on loopback. Prints a table and writes bench/results/<comparison>.json;
 * `docs` writes these results into the tables of README and docs/performance.md instead.
 *
 *     npm run bench [-- --help]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { hasProgram } from './alternatives.js'
import { comparisons, groups, resolveNames } from './comparisons.js'
import { writeDocs } from './docs.js'
import { CONNECTIONS } from './load.js'
import { describeMachine, printTable, summarize } from './report.js'

const usage = `usage: npm run bench -- [--rounds 5] [--seconds 2] [--check] [comparison or group …]
       npm run bench -- docs

  --rounds   rounds per comparison; rates of pages and 304s take one more than twice as many
  --seconds  length of a measurement
  --check    exit with 1 if a bound is not met
  docs       writes the results into the tables of README and docs/performance.md

All comparisons run by default:

${Object.entries(groups).map(([group, members]) => {
  const lines = Object.entries(members).map(([name, { description }]) => `  ${name.padEnd(15)} ${description}\n`)
  return `${group}\n${lines.join('')}`
}).join('')}`

if (process.argv[2] === 'docs') {
  writeDocs()
  process.exit()
}
const { names, check, ...options } = readArguments()
const started = performance.now()
const rows = []
for (const name of names) {
  console.error(`measuring ${name} …`)
  try {
    const measured = (await comparisons[name].measure(options)).map(summarize)
    if (measured.length > 0) writeResults(name, measured)
    rows.push(...measured)
  } catch (error) {
    console.error(`\nFAILED ${name}: ${error.message}\n`)
    process.exitCode = 1
  }
}
printResults()

function readArguments () {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '2' },
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false }
      }
    })
    if (values.help) {
      console.log(usage)
      process.exit()
    }
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
    if (![rounds, seconds].every(value => Number.isInteger(value) && value > 0)) {
      throw new Error('--rounds and --seconds must be positive integers')
    }
    const names = resolveNames(positionals.length > 0 ? positionals : Object.keys(comparisons))
    const needsLoad = names.some(name => !['start', 'bytes'].includes(name))
    if (needsLoad && !hasProgram('wrk', 'wrk')) throw new Error('wrk is required')
    return { names, rounds, seconds, check: values.check }
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`)
    process.exit(1)
  }
}

function writeResults (name, rows) {
  const folder = new URL('results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const results = { comparison: name, date: new Date().toISOString(), machine: describeMachine(), ...options, rows }
  writeFileSync(new URL(`${name}.json`, folder), JSON.stringify(results, null, 2) + '\n')
}

function printResults () {
  const { rounds, seconds } = options
  const minutes = ((performance.now() - started) / 60_000).toFixed(1)
  console.log(Object.entries(describeMachine()).map(([name, version]) => `${name} ${version}`).join(', '))
  console.log([
    `Medians of ${rounds} alternating rounds, of ${2 * rounds + 1} for rates of pages and 304s, ${seconds} s each;`,
    `ratios are medians of the ratios of rounds. wrk with 1 thread and ${CONNECTIONS} connections. ${minutes} min.\n`
  ].join('\n'))
  printTable(rows)
  const bounded = rows.filter(({ met }) => met !== undefined)
  const missed = bounded.filter(({ met }) => !met)
  if (missed.length > 0) console.error(`\n${missed.length} of ${bounded.length} bounds are not met`)
  if (check && missed.length > 0) process.exitCode = 1
}
