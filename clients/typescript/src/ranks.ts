import { integer } from './validate.js'

const VARIABLES = [
  ['RANK', 'WORLD_SIZE'],
  // Of the step: a batch script itself is one process, whatever number of tasks its job may start.
  ['SLURM_PROCID', 'SLURM_STEP_NUM_TASKS'],
  ['OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE']
] as const

/** Which share of each epoch a process gets. */
export interface Rank {
  readonly rank: number
  readonly worldSize: number
}

/**
 * Rank and world size by the environment of torchrun, Slurm or Open MPI; a single rank elsewhere, as in browsers.
 *
 * @throws TypeError, RangeError for variables that are not numbers, or contradict each other
 */
export function detectRank (): Rank {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  const environment = process?.env ?? {}
  for (const [rankName, sizeName] of VARIABLES) {
    const [rank, worldSize] = [environment[rankName], environment[sizeName]]
    if (!rank || !worldSize) continue
    return assertRank({ rank: parse(rank), worldSize: parse(worldSize) }, rankName, sizeName)
  }
  return { rank: 0, worldSize: 1 }
}

/** @throws TypeError, RangeError */
export function assertRank (place: Rank, rankName = 'rank', sizeName = 'worldSize'): Rank {
  const { rank, worldSize } = place
  integer(1, 65536)(sizeName, worldSize)
  integer(0, 65535)(rankName, rank)
  if (rank < worldSize) return place
  throw new RangeError(`${rankName} must be from 0 to ${worldSize - 1} where ${sizeName} is ${worldSize}, got ${rank}`)
}

function parse (text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN
}
