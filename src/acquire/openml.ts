import { createHash, type Hash } from 'node:crypto'
import { createGunzip, type Gunzip } from 'node:zlib'
import { fileRoles, type DatasetEntry, type FileEntry, type FileRole } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { ArffTable, type TableShape } from '../decode/arff.ts'
import { encodeIdx } from '../decode/idx.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { download } from './download.ts'
import { Endpoint } from './endpoint.ts'
import type { HttpClient } from './http-client.ts'
import { reportDownload } from './report-download.ts'
import { MemorySink, type Sink } from './sinks.ts'
import type { Source } from './source.ts'

const DESCRIPTION_LIMIT = 1 << 20

/** Upper bounds for the size of a table: a number has at most three digits and a comma, column names are short. */
const BYTES_PER_NUMBER = 4
const BYTES_PER_COLUMN_NAME = 64

type OpenMLEntry = DatasetEntry & Required<Pick<DatasetEntry, 'openml'>>

/**
 * OpenML (docs.openml.org), read like scikit-learn's `fetch_openml`: a JSON description names an ARFF table with all
 * samples, training samples first. The table is parsed while it downloads, once for all files of the dataset, and each
 * file is returned as IDX.
 */
export class OpenML implements Source {
  readonly name: string
  readonly remote = true
  readonly #entry: OpenMLEntry
  readonly #address: string
  readonly #http: HttpClient
  #reading: Promise<ArffTable> | undefined

  /** @param address URL of OpenML or of a compatible server */
  constructor (entry: OpenMLEntry, address: string, http: HttpClient) {
    this.name = `OpenML ${entry.openml.id}`
    this.#entry = entry
    this.#address = address
    this.#http = http
  }

  async read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array> {
    try {
      return this.#extractFile(await (this.#reading ??= this.#readTable(signal, report)), file)
    } catch (cause) {
      signal.throwIfAborted()
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }

  async close (): Promise<void> {
    this.#reading = undefined
  }

  async #readTable (signal: AbortSignal, report: ReportProgress): Promise<ArffTable> {
    const { openml: { id, md5 }, classes } = this.#entry
    const endpoint = new Endpoint(this.#address)
    const fileId = await this.#readFileId(endpoint, signal)
    const { trainImages, testImages } = this.#entry.files
    const [train, rows, columns] = trainImages.dimensions as [number, number, number]
    const shape = { rows: train + testImages.dimensions[0]!, pixels: rows * columns, classes: classes.length }
    const numbers = shape.rows * (shape.pixels + 1)
    const maxBytes = numbers * BYTES_PER_NUMBER + shape.pixels * BYTES_PER_COLUMN_NAME + DESCRIPTION_LIMIT
    const sink = new TableSink(shape, maxBytes)
    await download(endpoint.resolve(`data/v1/download/${fileId}`), {
      http: this.#http,
      sink,
      maxBytes,
      signal,
      headers: { ...endpoint.headers, 'accept-encoding': 'gzip' },
      progress: reportDownload(`table ${id} of OpenML`, maxBytes, report)
    })
    return await sink.end(md5)
  }

  /** Reads the description, which must agree with the catalogue, and returns the id of the table's file. */
  async #readFileId (endpoint: Endpoint, signal: AbortSignal): Promise<string> {
    const { openml: { id, md5 } } = this.#entry
    const sink = new MemorySink()
    const options = { http: this.#http, sink, headers: endpoint.headers, maxBytes: DESCRIPTION_LIMIT, signal }
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

  /** One file of the dataset as IDX, cut from the table. */
  #extractFile ({ images, labels }: ArffTable, file: FileEntry): Uint8Array {
    const { files } = this.#entry
    const role = fileRoles.find(role => files[role] === file)!
    const [train, rows, columns] = files.trainImages.dimensions as [number, number, number]
    const split = train * rows * columns
    const data: Readonly<Record<FileRole, Uint8Array>> = {
      trainImages: images.subarray(0, split),
      trainLabels: labels.subarray(0, train),
      testImages: images.subarray(split),
      testLabels: labels.subarray(train)
    }
    return encodeIdx(file.dimensions, data[role])
  }
}

function parseDescription (bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(bytes)).data_set_description)
  } catch (cause) {
    throw new Error('its description is not JSON', { cause })
  }
}

/** Parses a table, gzipped or not, while it downloads. */
class TableSink implements Sink {
  readonly #shape: TableShape
  readonly #maxBytes: number
  #table: ArffTable
  #md5: Hash = createHash('md5')
  #gunzip: Gunzip | undefined
  #failure: Error | undefined
  #empty = true
  #bytes = 0

  /** @param maxBytes limit for the uncompressed table */
  constructor (shape: TableShape, maxBytes: number) {
    this.#shape = shape
    this.#maxBytes = maxBytes
    this.#table = new ArffTable(shape)
  }

  async write (chunk: Uint8Array): Promise<void> {
    if (this.#empty && chunk[0] === 0x1f) this.#gunzip = this.#createGunzip()
    this.#empty = false
    if (this.#gunzip) await writeOrClose(this.#gunzip, chunk)
    else this.#parse(chunk)
    if (this.#failure) throw this.#failure
  }

  restart (): void {
    this.#gunzip?.destroy()
    this.#gunzip = undefined
    this.#table = new ArffTable(this.#shape)
    this.#md5 = createHash('md5')
    this.#failure = undefined
    this.#empty = true
    this.#bytes = 0
  }

  /**
   * Finishes the table.
   *
   * @param md5 expected MD5 of the uncompressed table, hexadecimal
   * @throws Error incomplete gzip, another MD5, or an incomplete table
   */
  async end (md5: string): Promise<ArffTable> {
    const gunzip = this.#gunzip
    if (gunzip && !gunzip.closed) await new Promise<void>(resolve => gunzip.once('close', resolve).end())
    if (this.#failure) throw this.#failure
    const found = this.#md5.digest('hex')
    if (found !== md5) throw new Error(`has MD5 ${found}, expected ${md5}`)
    this.#table.end()
    return this.#table
  }

  #createGunzip (): Gunzip {
    const gunzip = createGunzip()
    gunzip.on('error', (error: Error) => {
      this.#failure ??= new Error(`is not a complete gzip file: ${error.message}`)
    })
    gunzip.on('data', (chunk: Uint8Array) => {
      try {
        if (!this.#failure) this.#parse(chunk)
      } catch (error) {
        this.#failure = error as Error
        gunzip.destroy()
      }
    })
    return gunzip
  }

  #parse (chunk: Uint8Array): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) throw new Error(`has more than ${this.#maxBytes} bytes`)
    this.#md5.update(chunk)
    this.#table.push(chunk)
  }
}

/** A stream that fails never calls back for what it is writing. */
function writeOrClose (stream: Gunzip, chunk: Uint8Array): Promise<void> {
  return new Promise(resolve => {
    stream.once('close', resolve)
    stream.write(chunk, () => {
      stream.off('close', resolve)
      resolve()
    })
  })
}
