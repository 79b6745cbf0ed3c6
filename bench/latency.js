/** How long one answer takes while 1, 16 and 64 connections ask for them. */
import { load } from './load.js'
import { inTurns } from './rounds.js'
import { pages } from './throughput.js'

const CONNECTIONS = [1, 16, 64]

export async function latency ({ ours, rounds, seconds }) {
  const runs = Object.fromEntries(['natural', 'json'].flatMap(name => CONNECTIONS.map(connections => [`${name} page of 256, ${connections} connections`, { name, connections }])))
  const results = await inTurns(runs, rounds, ({ name, connections }) => load({ base: ours.base, ...pages[name] }, { seconds, connections }))
  return Object.keys(runs).flatMap(title => ['p50 ms', 'p99 ms'].map(unit => ({ title, unit, ours: results[title].map(result => result[unit]) })))
}
