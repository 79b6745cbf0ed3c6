import { assertClientOptions, parseAddress } from './address.js'
import { Batch } from './batch.js'
import { EpochSequence } from './epochs.js'
import {
  assertGatherOptions, assertSampleOptions, sampleQuery, type AnyImages, type AnyLabels, type AnyMask,
  type EpochOptions, type Exact, type GatherOptions, type Images, type Labels, type Mask, type SampleOptions,
  type SplitName
} from './options.js'
import { prefetched } from './prefetch.js'
import type { Tensor } from './safetensors.js'
import type { components } from './schema.js'
import { Transport, type TransportOptions } from './transport.js'
import { show } from './validate.js'

type Schemas = components['schemas']
export type DatasetDescription = Schemas['DatasetDescription']

export type ClientOptions = TransportOptions

/** A single sample. */
export interface Sample<Data extends AnyImages = AnyImages> {
  readonly image: Tensor<Data>
  /** Index of the class. */
  readonly label: number
  readonly id: number
}

type Gathered<Options> = Batch<Images<Options>, Labels<Options>, undefined>

/** Requests of `gather` that are in progress at the same time. */
const GATHER_AHEAD = 3

/** A server. Nothing is requested before it is needed. */
export class Client {
  readonly #transport: Transport
  #maxBatchSize: number | undefined

  /**
   * @param url of the server, such as `http://host:8080`
   * @throws TypeError, RangeError naming the option and its allowed values
   */
  constructor (url: string | URL, options: ClientOptions = {}) {
    assertClientOptions(options)
    this.#transport = new Transport(parseAddress(url), { ...options })
  }

  /** The datasets of the server, ready or not. */
  async datasets (signal?: AbortSignal): Promise<Schemas['DatasetList']> {
    return await this.#transport.request<Schemas['DatasetList']>('/v1/datasets', parseJson, { signal })
  }

  /** The largest batch that the server sends. */
  async maxBatchSize (signal?: AbortSignal): Promise<number> {
    this.#maxBatchSize ??= (await this.datasets(signal)).limits.max_batch_size
    return this.#maxBatchSize
  }

  dataset (name: string): Dataset {
    return new Dataset(this, this.#transport, name)
  }
}

/** A dataset, whose version is pinned by the first request: then every URL of a batch is immutable. */
export class Dataset {
  readonly client: Client
  readonly name: string
  readonly #transport: Transport
  #description: DatasetDescription | undefined

  constructor (client: Client, transport: Transport, name: string) {
    if (typeof name !== 'string' || name === '') throw new TypeError(`a dataset has a name, got ${show(name)}`)
    this.client = client
    this.name = name
    this.#transport = transport
  }

  /** Shape, classes, splits, preparation and provenance. */
  async describe (signal?: AbortSignal): Promise<DatasetDescription> {
    if (this.#description) return this.#description
    const description = await this.#transport.request<DatasetDescription>(this.path(), parseJson, { signal })
    // Of several requests at the same time, the first one pins the version.
    this.#description ??= description
    return this.#description
  }

  /** The mean image that `centered` subtracts. */
  async mean (signal?: AbortSignal): Promise<Tensor<Float32Array>> {
    const { version } = await this.describe(signal)
    const path = this.path('/mean', { version, format: 'json' })
    const { mean, shape } = await this.#transport.request<Schemas['MeanImage']>(path, parseJson, { signal })
    return { data: Float32Array.from(mean.flat(Infinity) as number[]), shape }
  }

  split (name: SplitName): Split {
    return new Split(this.#transport, this, name)
  }

  /** @internal */
  path (suffix = '', query: Query = {}): string {
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
    const text = String(parameters)
    return `/v1/datasets/${encodeURIComponent(this.name)}${suffix}${text && `?${text}`}`
  }
}

type Query = Readonly<Record<string, string | number | undefined>>

export class Split {
  readonly dataset: Dataset
  readonly name: SplitName
  readonly #transport: Transport

  constructor (transport: Transport, dataset: Dataset, name: SplitName) {
    this.dataset = dataset
    this.name = name
    this.#transport = transport
  }

  /**
   * Number of samples.
   *
   * @throws RangeError if the dataset has no such split
   */
  async count (signal?: AbortSignal): Promise<number> {
    const { splits } = await this.dataset.describe(signal)
    if (Object.hasOwn(splits, this.name)) return splits[this.name]
    throw new RangeError(`there is no split ${show(this.name)}; there are: ${Object.keys(splits).join(', ')}`)
  }

  /**
   * Batches in the order of epochs.
   *
   * @throws TypeError, RangeError naming the option and its allowed values
   */
  epochs<Options extends EpochOptions = object> (
    options?: Exact<Options, EpochOptions>
  ): Epochs<Images<Options>, Labels<Options>, Mask<Options>> {
    return new Epochs(this.#transport, this, options === undefined ? {} : options)
  }

  /**
   * The samples with these ids, in this order, as one batch. Many ids are requested in chunks.
   *
   * @param ids positions in the split, each any number of times
   */
  async gather<Options extends GatherOptions = object> (
    ids: ArrayLike<number>, options?: Exact<Options, GatherOptions>
  ): Promise<Gathered<Options>> {
    const given: GatherOptions = options === undefined ? {} : options
    assertGatherOptions(given)
    const { seed, epoch, signal } = given
    const { version } = await this.dataset.describe(signal)
    const all = assertIds(ids, await this.count(signal), this.name)
    const size = await this.dataset.client.maxBatchSize(signal)
    const path = this.path('gather', { ...sampleQuery(given), seed, epoch, version, format: 'safetensors' })
    const fetchChunk = (index: number, signal: AbortSignal): Promise<Gathered<Options>> => {
      const json = { ids: all.slice(index * size, (index + 1) * size) }
      return this.#transport.request(path, body => Batch.read(body), { json, signal })
    }
    const batches = []
    for await (const [, batch] of prefetched(Math.ceil(all.length / size), GATHER_AHEAD, fetchChunk, signal)) {
      batches.push(batch)
    }
    return Batch.join(batches)
  }

  /** The sample with this id. */
  async sample<Options extends SampleOptions = object> (
    id: number, options?: Exact<Options, SampleOptions>
  ): Promise<Sample<Images<Options>>> {
    const given: SampleOptions = options === undefined ? {} : options
    assertSampleOptions(given)
    const { images: { data, shape }, labels } = await this.gather([id], { ...given, labels: 'index' })
    return { image: { data: data as Images<Options>, shape: shape.slice(1) }, label: Number(labels.data[0]), id }
  }

  /** The class of every sample, by its position in the split. */
  async labels (signal?: AbortSignal): Promise<Tensor<BigInt64Array>> {
    const { version } = await this.dataset.describe(signal)
    await this.count(signal)
    const path = this.path('labels', { version, format: 'json' })
    const { labels } = await this.#transport.request<Schemas['LabelList']>(path, parseJson, { signal })
    return { data: BigInt64Array.from(labels, BigInt), shape: [labels.length] }
  }

  /** @internal */
  path (resource: string, query: Query): string {
    return this.dataset.path(`/splits/${encodeURIComponent(this.name)}/${resource}`, query)
  }
}

/**
 * The batches of a split. Each iteration is an epoch, or the rest of one after `resume`, and the next iteration is the
 * next epoch. An iteration that is broken off does not count: the next one begins where it began, unless
 * `advanceOnBreak` is given.
 */
export class Epochs<
  Images extends AnyImages = AnyImages, Labels extends AnyLabels = AnyLabels, Mask extends AnyMask = AnyMask
> extends EpochSequence<Images, Labels, Mask> {
  declare readonly split: Split
}

function assertIds (ids: unknown, count: number, split: string): number[] {
  const allowed = `integers from 0 to ${count - 1}, the ids of ${split}`
  const isList = Array.isArray(ids) || (ArrayBuffer.isView(ids) && !(ids instanceof DataView))
  if (!isList) throw new TypeError(`ids must be a list of ${allowed}, got ${show(ids)}`)
  const values: unknown[] = Array.from(ids as ArrayLike<unknown>)
  if (values.length === 0) throw new RangeError(`ids must be a list of at least one of the ${allowed}, got none`)
  const wrong = values.findIndex(id => !Number.isInteger(id) || Number(id) < 0 || Number(id) >= count)
  if (wrong < 0) return values as number[]
  const ErrorType = typeof values[wrong] === 'number' ? RangeError : TypeError
  const hint = typeof values[wrong] === 'boolean' ? '; turn a mask into the positions that it selects' : ''
  throw new ErrorType(`ids must be ${allowed}, got ${show(values[wrong])} at position ${wrong}${hint}`)
}

function parseJson<T> (body: ArrayBuffer): T {
  return JSON.parse(new TextDecoder().decode(body))
}
