import { Epochs, type EpochOptions } from './epochs.js'
import type { components } from './schema.js'
import { Transport, type TransportOptions } from './transport.js'

export type DatasetDescription = components['schemas']['DatasetDescription']
export type SplitName = components['schemas']['Batch']['split']

export type ClientOptions = TransportOptions

/** A server. Nothing is requested before it is needed. */
export class Client {
  readonly #transport: Transport

  /** @param url of the server, such as `http://host:8080` */
  constructor (url: string, options: ClientOptions = {}) {
    this.#transport = new Transport(url, options)
  }

  /** The datasets of the server, ready or not. */
  async datasets (signal?: AbortSignal): Promise<components['schemas']['DatasetList']> {
    return await this.#transport.get<components['schemas']['DatasetList']>('/v1/datasets', parseJson, signal)
  }

  dataset (name: string): Dataset {
    return new Dataset(this.#transport, name)
  }
}

/** A dataset, whose version is pinned by the first request: then every URL of a batch is immutable. */
export class Dataset {
  readonly name: string
  readonly #transport: Transport
  #description: Promise<DatasetDescription> | undefined

  constructor (transport: Transport, name: string) {
    this.name = name
    this.#transport = transport
  }

  /** Shape, classes, splits, preparation and provenance. */
  describe (signal?: AbortSignal): Promise<DatasetDescription> {
    const path = `/v1/datasets/${encodeURIComponent(this.name)}`
    this.#description ??= this.#transport.get<DatasetDescription>(path, parseJson, signal).catch(error => {
      this.#description = undefined
      throw error
    })
    return this.#description
  }

  split (name: SplitName): Split {
    return new Split(this.#transport, this, name)
  }
}

export class Split {
  readonly dataset: Dataset
  readonly name: SplitName
  readonly #transport: Transport

  constructor (transport: Transport, dataset: Dataset, name: SplitName) {
    this.dataset = dataset
    this.name = name
    this.#transport = transport
  }

  epochs (options: EpochOptions = {}): Epochs {
    return new Epochs(this.#transport, this, options)
  }
}

function parseJson<T> (body: ArrayBuffer): T {
  return JSON.parse(new TextDecoder().decode(body))
}
