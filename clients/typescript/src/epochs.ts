import { Batch } from './batch.js'
import type { Split, SplitName } from './client.js'
import { StateError } from './errors.js'
import { prefetched } from './prefetch.js'
import type { paths } from './schema.js'
import type { Transport } from './transport.js'

type Query = NonNullable<paths['/v1/datasets/{dataset}/splits/{split}/batches']['get']['parameters']['query']>

export interface EpochOptions {
  /** Samples per batch and rank; 128 by default. */
  readonly batchSize?: number
  /** Shuffles each epoch; the order is natural by default. */
  readonly seed?: number
  /** The first epoch; 0 by default. */
  readonly epoch?: number
  /** Number of epochs; 1 by default. */
  readonly epochs?: number
  readonly rank?: number
  readonly worldSize?: number
  readonly remainder?: NonNullable<Query['remainder']>
  readonly normalization?: NonNullable<Query['normalization']>
  readonly dtype?: NonNullable<Query['dtype']>
  readonly labels?: NonNullable<Query['labels']>
  readonly layout?: NonNullable<Query['layout']>
  readonly augment?: string
  readonly pad?: NonNullable<Query['pad']>
  /** Batches that are requested before they are needed; 2 by default. */
  readonly prefetch?: number
  /** Ends every iteration with its reason. */
  readonly signal?: AbortSignal
}

/** Where a run is: JSON, and independent of batch size and number of ranks. */
export interface State {
  readonly dataset: string
  readonly split: SplitName
  readonly version: string
  /** null for the natural order. */
  readonly seed: number | null
  readonly epoch: number
  /** Samples of the epoch that were delivered, to all ranks together. */
  readonly offset: number
}

export type Resumable = Omit<State, 'dataset' | 'split'> & Partial<State>

/**
 * The batches of some epochs, one after the other. Every iteration begins anew, except that the first one after
 * `resume` continues from its state.
 */
export class Epochs implements AsyncIterable<Batch> {
  readonly split: Split
  readonly #transport: Transport
  readonly #options: EpochOptions
  /** What was delivered last. */
  #position: { epoch: number, offset: number }
  /** Whether the next iteration continues from the position. */
  #isResumed = false
  #version: string | undefined

  constructor (transport: Transport, split: Split, options: EpochOptions) {
    const { rank = 0, worldSize = 1, epoch = 0 } = options
    if (!(rank >= 0 && rank < worldSize)) {
      throw new RangeError(`rank must be from 0 to ${worldSize - 1} where worldSize is ${worldSize}, got ${rank}`)
    }
    this.#transport = transport
    this.#options = options
    this.split = split
    this.#position = { epoch, offset: 0 }
  }

  /**
   * The samples that the loop has got, not those that were prefetched.
   *
   * @throws StateError before the first batch, when the version is not known yet
   */
  state (): State {
    if (this.#version === undefined) throw new StateError('there is no state before the first batch')
    const { name: split, dataset: { name: dataset } } = this.split
    return { dataset, split, version: this.#version, seed: this.#options.seed ?? null, ...this.#position }
  }

  /**
   * Lets the next iteration continue after the samples of a state, with any batch size and number of ranks.
   *
   * @param state may lack the names of its dataset and split, on which the position does not depend
   * @throws StateError if it is the state of other batches
   */
  async resume (state: Resumable): Promise<this> {
    const { version, seed, epoch, offset } = state
    const { dataset } = this.split
    const description = await dataset.describe(this.#options.signal)
    const total = description.splits[this.split.name]
    assertSame('dataset', state.dataset ?? dataset.name, dataset.name)
    assertSame('split', state.split ?? this.split.name, this.split.name)
    assertSame('version', version, description.version)
    assertSame('seed', seed, this.#options.seed ?? null)
    if (!isCount(epoch)) throw new StateError(`the epoch of the state is ${epoch}`)
    if (!isCount(offset) || offset > total) {
      throw new StateError(`the offset of the state is ${offset}, and ${this.split.name} has ${total} samples`)
    }
    this.#version = version
    this.#position = { epoch, offset }
    this.#isResumed = true
    return this
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<Batch, void, undefined> {
    const { epoch: first = 0, epochs = 1 } = this.#options
    const start = this.#takeStart() ?? { epoch: first, offset: 0 }
    for (let epoch = start.epoch; epoch < first + epochs; epoch++) {
      yield * this.#iterate(epoch, epoch === start.epoch ? start.offset : 0)
    }
  }

  /** The epoch after the one that was delivered last, or the rest of the one of a state; `epochs` is no limit. */
  async * nextEpoch (): AsyncGenerator<Batch, void, undefined> {
    const start = this.#takeStart()
    if (start) return yield * this.#iterate(start.epoch, start.offset)
    yield * this.#iterate(this.#position.epoch + Number(this.#position.offset > 0), 0)
  }

  #takeStart (): { epoch: number, offset: number } | undefined {
    if (!this.#isResumed) return undefined
    this.#isResumed = false
    return this.#position
  }

  async * #iterate (epoch: number, offset: number): AsyncGenerator<Batch, void, undefined> {
    const { batchSize = 128, rank = 0, worldSize = 1, remainder = 'keep', prefetch = 2, signal } = this.#options
    const description = await this.split.dataset.describe(signal)
    this.#version = description.version
    const total = description.splits[this.split.name]
    const pageSize = batchSize * worldSize
    // With `keep`, the last pages may have no samples for this rank.
    const first = remainder === 'keep' ? rank * batchSize : 0
    const pages = (total - offset - first) / pageSize
    const count = Math.max(0, remainder === 'drop' ? Math.floor(pages) : Math.ceil(pages))
    this.#position = { epoch, offset }
    const fetchPage = (page: number, signal: AbortSignal): Promise<Batch> => {
      return this.#transport.get(this.#path(epoch, offset, page), body => new Batch(body), signal)
    }
    for await (const [page, batch] of prefetched(count, prefetch, fetchPage, signal)) {
      this.#position = { epoch, offset: Math.min(total, offset + (page + 1) * pageSize) }
      yield batch
    }
    // Pages without samples for this rank are consumed, too.
    if (remainder !== 'drop') this.#position = { epoch, offset: total }
  }

  #path (epoch: number, offset: number, page: number): string {
    const { batchSize, seed, rank, worldSize, remainder, normalization, dtype, labels, layout } = this.#options
    const { augment, pad } = this.#options
    const isRandom = seed !== undefined || augment !== undefined
    const query: Record<Exclude<keyof Query, 'format' | 'version'>, string | number | undefined> = {
      page,
      offset: offset > 0 ? offset : undefined,
      batch_size: batchSize ?? 128,
      seed,
      epoch: isRandom ? epoch : undefined,
      rank: worldSize === undefined ? undefined : rank ?? 0,
      world_size: worldSize,
      remainder,
      normalization,
      dtype,
      labels,
      layout,
      augment,
      pad
    }
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
    parameters.set('version', this.#version!)
    parameters.set('format', 'safetensors')
    return `/v1/datasets/${encodeURIComponent(this.split.dataset.name)}/splits/${this.split.name}/batches?${parameters}`
  }
}

function assertSame (name: string, found: unknown, own: unknown): void {
  if (found !== own) throw new StateError(`the state has ${name} ${found}, and these batches have ${own}`)
}

function isCount (value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
