/** Alternating rounds, and their statistics. */

/**
 * Measures contenders alternately, A B A B …, so that disturbances of the machine affect all of them.
 *
 * @param contenders name → what is measured
 * @param measure measures one of them
 * @returns name → one result per round
 */
export async function alternate (contenders, rounds, measure) {
  const names = Object.keys(contenders)
  const results = Object.fromEntries(names.map(name => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await measure(contenders[name]))
  }
  return results
}

export function median (values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Median and range of the rounds. */
export function spread (values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), rounds: values }
}

/** Ratios of the individual rounds, whose two halves ran under the same conditions. */
export function ratios (ours, theirs) {
  return ours.map((value, round) => value / theirs[round])
}
