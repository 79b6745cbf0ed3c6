/** Measures contenders in turns, A B A B …, so that what disturbs the machine disturbs all of them alike. */

/**
 * @param contenders name → what is measured
 * @param measure gives a number for one of them
 * @returns name → the numbers, in the order of the rounds
 */
export async function inTurns (contenders, rounds, measure) {
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

/** The median of the rounds' own ratios: a round's two halves had the same machine. */
export function medianRatio (ours, theirs) {
  return median(ours.map((value, round) => value / theirs[round]))
}
