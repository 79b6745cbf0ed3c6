import type { Remainder } from '../../dataset/entry.ts'
import { ServiceError } from '../../errors.ts'
import { pageCount, type Paging } from '../../batch/page.ts'
import { refuse, type ParameterError } from './errors.ts'
import { defaultBatchSize, defaults } from '../openapi/schemas/defaults.ts'

/** The parameters that say which samples, in which order, are whose. */
export interface OrderingQuery {
  readonly page?: number
  readonly batch_size?: number
  readonly seed?: number
  readonly epoch?: number
  readonly rank?: number
  readonly world_size?: number
  readonly remainder?: Remainder
}

export interface Ordering extends Paging {
  readonly page: number
  readonly pages: number
  /** Undefined for the natural order. */
  readonly shuffle: { readonly seed: number, readonly epoch: number } | undefined
}

/**
 * Which page of which order is asked for.
 *
 * @throws ServiceError invalid_parameter where parameters conflict, page_out_of_range where there is no such page
 */
export function orderingOf (query: OrderingQuery, split: { readonly name: string, readonly total: number }, maxBatchSize: number): Ordering {
  refuse(conflicts(query))
  const { page = defaults.page, epoch = defaults.epoch, rank = defaults.rank, world_size: worldSize = defaults.world_size, remainder = defaults.remainder } = query
  const paging = { total: split.total, batchSize: query.batch_size ?? defaultBatchSize(maxBatchSize), rank, worldSize, remainder }
  const pages = pageCount(paging)
  if (page >= pages) {
    const ranks = worldSize > 1 ? ` and world_size ${worldSize}` : ''
    const made = pages === 0 ? 'no page at all' : `${pages} pages, 0 to ${pages - 1}`
    throw new ServiceError('page_out_of_range', `${split.name} has ${split.total} samples, which at batch_size ${paging.batchSize}${ranks} make ${made}; there is no page ${page}`, { members: { pages } })
  }
  return { ...paging, page, pages, shuffle: query.seed === undefined ? undefined : { seed: query.seed, epoch } }
}

export const epochWithoutSeed: ParameterError = {
  parameter: 'epoch', detail: 'epoch goes with a seed, without which every epoch is the same', allowed: 'nothing without seed'
}

function conflicts ({ seed, epoch, rank, world_size: worldSize }: OrderingQuery): ParameterError[] {
  const errors: ParameterError[] = []
  if (epoch !== undefined && seed === undefined) {
    errors.push(epochWithoutSeed)
  }
  if ((rank === undefined) !== (worldSize === undefined)) {
    const [missing, given] = rank === undefined ? ['rank', 'world_size'] : ['world_size', 'rank']
    errors.push({ parameter: missing!, detail: `${given} needs ${missing}`, allowed: 'rank and world_size together, or neither' })
  } else if (rank !== undefined && rank >= worldSize!) {
    errors.push({ parameter: 'rank', detail: `rank must be an integer from 0 to ${worldSize! - 1} where world_size is ${worldSize}, got '${rank}'`, allowed: `an integer from 0 to ${worldSize! - 1}` })
  }
  return errors
}
