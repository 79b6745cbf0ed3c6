/**
 * How long from the start of the process to ready, how much of it is preparing, and how much memory the server keeps.
 * Each round starts `node dist/server.js` with an empty data folder; prints each round and the medians.
 *
 *     npm run bench:start [-- rounds]
 */
import { median } from '../bench/rounds.js'
import { measureStart } from '../bench/start.js'

const rounds = Number(process.argv[2] ?? 5)

const results = []
for (let i = 0; i < rounds; i++) results.push(await measureStart())
const names = Object.keys(results[0]).filter(name => typeof results[0][name] === 'number')
console.log(`Node ${process.version}, ${rounds} rounds, each with an empty data folder`)
console.table(results)
console.table({ median: Object.fromEntries(names.map(name => [name, median(results.map(result => result[name]))])) })
