/**
 * How long from the start of the process to ready, how much of it is preparing, and how much memory the server keeps: with
 * nothing at hand but the npm package, from a mirror on loopback, and with everything prepared before. Prints each round and
 * the medians.
 *
 *     npm run bench:start [-- rounds]
 */
import { median } from '../bench/rounds.js'
import { measureStarts } from '../bench/start.js'

const rounds = Number(process.argv[2] ?? 5)

console.log(`Node ${process.version}, ${rounds} rounds`)
for (const [kind, results] of Object.entries(await measureStarts(rounds))) {
  const names = Object.keys(results[0]).filter(name => typeof results[0][name] === 'number')
  const medians = Object.fromEntries(names.map(name => [name, median(results.map(result => result[name]))]))
  console.log(`\n${kind}`)
  console.table({ ...results, median: medians })
}
