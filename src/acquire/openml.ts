import { createHash } from 'node:crypto'
import type { DatasetEntry } from '../dataset/entry.ts'
import { valueCount } from '../dataset/image-shape.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { decompress } from '../decode/gunzip.ts'
import { ServiceError } from '../errors.ts'
import type { FileCache } from './cache.ts'
import type { SampleFile } from './converted-source.ts'
import { download, downloadFrom } from './download.ts'
import { Endpoint } from './endpoint.ts'
import type { HttpClient } from './http-client.ts'
import { reportDownload } from './report-download.ts'
import { MemorySink } from './sinks.ts'
import { storeDownload, toVerifiedFile, type StoredFile } from './stored-file.ts'
import { looksLikeMarkup } from './verify-file.ts'

const DESCRIPTION_LIMIT = 1 << 20

/** Upper bounds for the size of a table: a number has at most three digits and a comma, column names are short. */
const BYTES_PER_NUMBER = 4
const BYTES_PER_COLUMN_NAME = 64

export interface OpenMLOptions {
  /** URL of OpenML or of a compatible server. */
  readonly address: string
  readonly http: HttpClient
  readonly cache: FileCache
  readonly warn: (message: string) => void
}

/**
 * OpenML (docs.openml.org), read like scikit-learn's `fetch_openml`: a JSON description names an ARFF file with all
 * samples, which is pinned by its MD5.
 */
export class OpenML implements SampleFile {
  readonly name: string
  readonly #table: NonNullable<DatasetEntry['openml']>
  readonly #options: OpenMLOptions

  constructor (table: NonNullable<DatasetEntry['openml']>, options: OpenMLOptions) {
    this.name = `OpenML ${table.id}`
    this.#table = table
    this.#options = options
  }

  async open (signal: AbortSignal, report: ReportProgress): Promise<StoredFile> {
    const { address, http, cache, warn } = this.#options
    const { id, md5, layout: { shape, train, test } } = this.#table
    const endpoint = new Endpoint(address)
    const fileId = await this.#readFileId(endpoint, signal)
    const columns = valueCount(shape) + 1
    const maxBytes = (train + test) * columns * BYTES_PER_NUMBER + columns * BYTES_PER_COLUMN_NAME + DESCRIPTION_LIMIT
    const name = `table ${id} of OpenML`
    return await storeDownload(sink => downloadFrom(endpoint.resolve(`data/v1/download/${fileId}`), {
      http,
      sink,
      maxBytes,
      signal,
      headers: { ...endpoint.headers, 'accept-encoding': 'gzip' },
      progress: reportDownload(name, maxBytes, report)
    }), { name, maxBytes, cache, warn, verify: file => verifyTable(file, md5, maxBytes) })
  }

  /** Reads the description, which must agree with the catalogue, and returns the id of the table's file. */
  async #readFileId (endpoint: Endpoint, signal: AbortSignal): Promise<string> {
    const { id, md5 } = this.#table
    const sink = new MemorySink()
    const options = { http: this.#options.http, sink, headers: endpoint.headers, maxBytes: DESCRIPTION_LIMIT, signal }
    await download(endpoint.resolve(`api/v1/json/data/${id}`), options)
    const description = parseDescription(await sink.bytes())
    const expected = { id: String(id), format: 'arff', md5_checksum: md5, default_target_attribute: 'class' }
    for (const [name, value] of Object.entries(expected)) {
      const found = String(description[name])
      if (found.toLowerCase() === value) continue
      throw new Error(`its description has ${name} '${found.slice(0, 50)}', expected '${value}'`)
    }
    const fileId = String(description['file_id'])
    if (!/^\d+$/.test(fileId)) {
      throw new Error(`its description has file_id '${fileId.slice(0, 50)}', expected a number`)
    }
    return fileId
  }
}

function parseDescription (bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(bytes)).data_set_description)
  } catch (cause) {
    throw new Error('its description is not JSON', { cause })
  }
}

/**
 * @param md5 of the uncompressed table, hexadecimal
 * @param maxBytes limit for the uncompressed table
 */
async function verifyTable (file: StoredFile, md5: string, maxBytes: number): Promise<void> {
  const hash = createHash('md5')
  let bytes = 0
  for await (const chunk of decompress(await toVerifiedFile('', file))) {
    if (bytes === 0 && looksLikeMarkup(chunk)) throw invalid('is an HTML page, not data')
    bytes += chunk.length
    if (bytes > maxBytes) throw invalid(`has more than ${maxBytes} bytes`)
    hash.update(chunk)
  }
  const found = hash.digest('hex')
  if (found !== md5) throw invalid(`has MD5 ${found}, expected ${md5}`)
}

function invalid (reason: string): ServiceError {
  return new ServiceError('invalid_file', reason)
}
