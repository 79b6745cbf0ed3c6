/**
 * A training run of all ranks in one process, which may be killed at any time. Prints a line for each step: the ids
 * that the ranks got, and the state after them.
 *
 *     node run.js URL epochs options-as-JSON state-as-JSON
 */
import { Client } from 'mnist-batch-client'

const [url, epochs, options, state] = process.argv.slice(2)
const { worldSize, ...rest } = JSON.parse(options)
const split = new Client(url).dataset('mnist').split('val')
const ranks = await Promise.all(Array.from({ length: worldSize }, (_, rank) => {
  const epochs = split.epochs({ ...rest, rank, worldSize })
  return state === undefined ? epochs : epochs.resume(JSON.parse(state))
}))
while (ranks[0].epoch < Number(epochs)) {
  const iterators = ranks.map(rank => rank[Symbol.asyncIterator]())
  for (;;) {
    const steps = await Promise.all(iterators.map(iterator => iterator.next()))
    if (steps.every(({ done }) => done)) break
    const ids = steps.flatMap(({ value }) => {
      if (!value) return []
      return [...value.ids.data].filter((_, i) => value.mask?.data[i] !== 0)
    })
    process.stdout.write(`${JSON.stringify({ ids, state: ranks[0].state() })}\n`)
  }
}
