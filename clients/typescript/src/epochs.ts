import { Batch } from './batch.js'
import { StateError } from './errors.js'
import {
  resolveEpochOptions, sampleQuery, type AnyImages, type AnyLabels, type AnyMask, type EpochOptions,
  type Remainder, type ResolvedEpochOptions, type SplitName
} from './options.js'
import { prefetched } from './prefetch.js'
import { assertShards, Shard } from './shard.js'
import type { Transport } from './transport.js'
import { integer, show } from './validate.js'

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

interface Position {
  readonly epoch: number
  readonly offset: number
}

/** The iteration in progress, until it ends or another one begins. */
interface Iteration {
  /** The start of the next epoch. */
  readonly next: Position
  hasDelivered: boolean
  batches?: AsyncGenerator<unknown, void, undefined>
}

/** What epochs use of a split. `Split` creates them, so they must not import it. */
export interface EpochSource {
  readonly name: SplitName
  readonly dataset: {
    readonly name: string
    describe (signal?: AbortSignal): Promise<{ readonly version: string }>
  }
  count (signal?: AbortSignal): Promise<number>
  /** @internal */
  path (resource: string, query: Readonly<Record<string, string | number | undefined>>): string
}

/** The iterations and the state of `Epochs`. */
export class EpochSequence<
  Images extends AnyImages = AnyImages, Labels extends AnyLabels = AnyLabels, Mask extends AnyMask = AnyMask
> implements AsyncIterable<Batch<Images, Labels, Mask>> {
  readonly split: EpochSource
  readonly #transport: Transport
  readonly #options: ResolvedEpochOptions
  /** After the batches that were delivered. */
  #position: Position
  /** Where the next iteration begins. */
  #start: Position
  #current: Iteration | undefined
  #version: string | undefined
  /** How often the same epoch has begun in a row. */
  #begins = 0
  #hasWarned = false

  /** @throws TypeError, RangeError naming the option and its allowed values */
  constructor (transport: Transport, split: EpochSource, options: EpochOptions) {
    this.#transport = transport
    this.#options = resolveEpochOptions(options)
    this.split = split
    this.#position = this.#start = { epoch: this.#options.epoch, offset: 0 }
  }

  get rank (): number { return this.#options.rank }
  get worldSize (): number { return this.#options.worldSize }
  get batchSize (): number { return this.#options.batchSize }
  get seed (): number | undefined { return this.#options.seed }
  get remainder (): Remainder { return this.#options.remainder }

  /** The epoch of the iteration in progress until its last batch is delivered, then of the next one. */
  get epoch (): number { return (this.#current ? this.#position : this.#start).epoch }

  /** Selects the epoch of the next iteration. The position of a state in the same epoch is kept. */
  setEpoch (epoch: number): void {
    integer(0, 2 ** 32 - 1)('epoch', epoch)
    const offset = epoch === this.#start.epoch ? this.#start.offset : 0
    this.#moveTo({ epoch, offset })
  }

  /** Batches of this rank in a whole epoch. */
  async length (): Promise<number> {
    return (await this.#createShard(0)).batches
  }

  /** Batches of this rank in the rest of the iteration in progress, or in the next one. */
  async remaining (): Promise<number> {
    const { offset } = this.#current ? this.#position : this.#start
    return (await this.#createShard(offset)).batches
  }

  /**
   * The samples that the loop has got, not those that were prefetched. After the last batch of an epoch, the state is
   * the start of the next one; after a break, also with `advanceOnBreak`, the rest of the epoch is still to come.
   *
   * @throws StateError before the first batch, when the version is not known yet
   */
  state (): State {
    if (this.#version === undefined) throw new StateError('there is no state before the first batch')
    const { name: split, dataset: { name: dataset } } = this.split
    return { dataset, split, version: this.#version, seed: this.#options.seed ?? null, ...this.#position }
  }

  /**
   * Lets the next iteration continue after the samples of a state, with any batch size and number of ranks. A state
   * that leaves no batch in its epoch is the start of the next one.
   *
   * @param state may lack the names of its dataset and split, on which the position does not depend
   * @throws StateError if it is the state of other batches
   */
  async resume (state: Resumable): Promise<this> {
    if (typeof state !== 'object' || state === null) {
      throw new StateError(`a state is an object such as that of state(), got ${show(state)}`)
    }
    const { version, seed, epoch, offset } = state
    const { dataset } = this.split
    const description = await dataset.describe(this.#options.signal)
    const total = await this.split.count(this.#options.signal)
    assertSame('dataset', state.dataset ?? dataset.name, dataset.name)
    assertSame('split', state.split ?? this.split.name, this.split.name)
    assertSame('version', version, description.version)
    assertSame('seed', seed, this.#options.seed ?? null)
    if (!isCount(epoch)) throw new StateError(`the epoch of the state is ${show(epoch)}`)
    if (!isCount(offset) || offset > total) {
      throw new StateError(`the offset of the state is ${show(offset)}, and ${this.split.name} has ${total} samples`)
    }
    this.#version = version
    const isOver = offset > 0 && new Shard(total, offset, this.#options).pages === 0
    this.#moveTo(isOver ? { epoch: epoch + 1, offset: 0 } : { epoch, offset })
    return this
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<Batch<Images, Labels, Mask>, void, undefined> {
    const { prefetch, signal } = this.#options
    if (this.#current) this.#leave(this.#current, true)
    const start = this.#start
    const next = { epoch: start.epoch + 1, offset: 0 }
    const iteration: Iteration = this.#current = { next, hasDelivered: false }
    let isBroken = true
    try {
      const shard = await this.#createShard(start.offset)
      this.#assertCurrent(iteration)
      this.#position = start
      const fetchPage = (page: number, signal: AbortSignal): Promise<Batch<Images, Labels, Mask>> => {
        return this.#transport.request(this.#path(start, page), body => Batch.read(body), { signal })
      }
      const batches = iteration.batches = prefetched(shard.batches, prefetch, fetchPage, signal)
      let delivered = 0
      for await (const [page, batch] of batches) {
        this.#assertCurrent(iteration)
        delivered = page + 1
        if (delivered === 1) this.#begin(iteration, start.epoch)
        if (delivered === shard.batches) this.#start = next
        // With uneven ranks, others may have another batch in this epoch.
        const offset = shard.offsetAfter(delivered)
        this.#position = delivered === shard.pages ? next : { epoch: start.epoch, offset }
        yield batch
      }
      if (delivered < shard.batches) this.#assertCurrent(iteration)
      if (this.#current === iteration) this.#start = next
      isBroken = false
    } catch (error) {
      isBroken = false
      throw error
    } finally {
      if (this.#current === iteration) this.#leave(iteration, isBroken)
    }
  }

  /** Only with the first batch: an iteration that fails before has not begun an epoch. */
  #begin (iteration: Iteration, epoch: number): void {
    iteration.hasDelivered = true
    this.#begins++
    if (this.#begins < 3 || this.#hasWarned || this.#options.advanceOnBreak) return
    this.#hasWarned = true
    this.#transport.warn(`epoch ${epoch} of ${this.split.name} begins for the third time, since an iteration that is ` +
      'broken off does not count: pass advanceOnBreak: true to continue with the next epoch')
  }

  #leave (iteration: Iteration, isBroken: boolean): void {
    this.#current = undefined
    if (!isBroken) this.#begins = 0
    if (this.#start === iteration.next) this.#position = iteration.next
    else if (isBroken && iteration.hasDelivered && this.#options.advanceOnBreak) this.#start = iteration.next
    // Ends the requests of an iteration that was abandoned without `return`, as by fitDataset.
    iteration.batches?.return().catch(() => {})
  }

  #moveTo (position: Position): void {
    if (this.#current) this.#leave(this.#current, false)
    this.#begins = 0
    this.#position = this.#start = position
  }

  #assertCurrent (iteration: Iteration): void {
    if (this.#current === iteration) return
    throw new Error('another iteration of the same epochs has begun: call epochs() once for each loop')
  }

  /** @throws RangeError for an unknown split, or ranks with different numbers of batches */
  async #createShard (offset: number): Promise<Shard> {
    const { signal } = this.#options
    const { version } = await this.split.dataset.describe(signal)
    const total = await this.split.count(signal)
    this.#version = version
    assertShards(this.split.name, total, offset, this.#options)
    return new Shard(total, offset, this.#options)
  }

  #path ({ epoch, offset }: Position, page: number): string {
    const { batchSize, seed, rank, worldSize, remainder, augment } = this.#options
    return this.split.path('batches', {
      page,
      offset: offset > 0 ? offset : undefined,
      batch_size: batchSize,
      seed,
      epoch: seed === undefined && augment === undefined ? undefined : epoch,
      rank: worldSize > 1 ? rank : undefined,
      world_size: worldSize > 1 ? worldSize : undefined,
      remainder: remainder === 'keep' ? undefined : remainder,
      ...sampleQuery(this.#options),
      version: this.#version,
      format: 'safetensors'
    })
  }
}

function assertSame (name: string, found: unknown, own: unknown): void {
  if (found !== own) throw new StateError(`the state has ${name} ${found}, and these batches have ${own}`)
}

function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
