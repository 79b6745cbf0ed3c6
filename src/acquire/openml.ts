import { createHash, type Hash } from 'node:crypto'
import { createGunzip, type Gunzip } from 'node:zlib'
import { fileRoles, type DatasetEntry, type FileEntry, type FileRole, type ReportProgress } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { download } from './download.ts'
import { pacedReport } from './pace.ts'
import { MemorySink, type Sink } from './sink.ts'
import type { Source } from './source.ts'
import type { Web } from './web.ts'

/** Takes a table as it comes. */
export interface Table {
  /** u8 rows·pixels, and u8 rows. */
  readonly images: Uint8Array
  readonly labels: Uint8Array
  push (chunk: Uint8Array): void
  end (): void
}

/** Starts to read a table of so many rows, pixels in each, and classes. */
export type StartTable = (shape: { readonly rows: number, readonly pixels: number, readonly classes: number }) => Table

const DESCRIPTION_LIMIT = 1 << 20

/** A number has three digits and a comma at most; names of columns are short. */
const BYTES_A_NUMBER = 4
const BYTES_A_COLUMN = 64

/**
 * OpenML (docs.openml.org), as scikit-learn's fetch_openml reads it: a description of the dataset, which names its file, and
 * that file, ARFF, with all samples: those to train on, then those to test with. It is read as it comes, once for all files of
 * the dataset, and gives them as IDX.
 */
export class OpenML implements Source {
  readonly name: string
  readonly remote = true
  readonly #entry: DatasetEntry & Required<Pick<DatasetEntry, 'openml'>>
  readonly #base: string
  readonly #web: Web
  readonly #startTable: StartTable
  #reading: Promise<Table> | undefined

  /** @param base address of OpenML, with a slash at its end */
  constructor (entry: DatasetEntry & Required<Pick<DatasetEntry, 'openml'>>, base: string, web: Web, startTable: StartTable) {
    this.name = `OpenML ${entry.openml.id}`
    this.#entry = entry
    this.#base = base
    this.#web = web
    this.#startTable = startTable
  }

  async read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array> {
    try {
      return this.#fileOf(await (this.#reading ??= this.#readTable(signal, report)), file)
    } catch (cause) {
      signal.throwIfAborted()
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }

  async close (): Promise<void> {
    this.#reading = undefined
  }

  async #readTable (signal: AbortSignal, report: ReportProgress): Promise<Table> {
    const { openml: { id, md5 }, classes } = this.#entry
    const fileId = await this.#describe(signal)
    const { trainImages, testImages } = this.#entry.files
    const [train, rows, columns] = trainImages.dimensions as [number, number, number]
    const shape = { rows: train + testImages.dimensions[0]!, pixels: rows * columns, classes: classes.length }
    const ceiling = shape.rows * (shape.pixels + 1) * BYTES_A_NUMBER + shape.pixels * BYTES_A_COLUMN + DESCRIPTION_LIMIT
    const sink = new TableSink(() => this.#startTable(shape), ceiling)
    const paced = pacedReport(`table ${id} of OpenML`, report)
    await download(`${this.#base}data/v1/download/${fileId}`, {
      web: this.#web,
      sink,
      ceiling,
      signal,
      headers: { 'accept-encoding': 'gzip' },
      progress: (done, total) => paced(done, total ?? ceiling)
    })
    return await sink.end(md5)
  }

  /** The id of the dataset's file, of which OpenML must say what is known of it here. */
  async #describe (signal: AbortSignal): Promise<string> {
    const { openml: { id, md5 } } = this.#entry
    const sink = new MemorySink()
    await download(`${this.#base}api/v1/json/data/${id}`, { web: this.#web, sink, ceiling: DESCRIPTION_LIMIT, signal, progress: () => {} })
    const description = descriptionOf(sink.bytes())
    const expected = { id: String(id), format: 'arff', md5_checksum: md5, default_target_attribute: 'class' }
    for (const [name, value] of Object.entries(expected)) {
      const found = String(description[name])
      if (found.toLowerCase() !== value) throw new Error(`its description has ${name} '${found.slice(0, 50)}', expected '${value}'`)
    }
    const fileId = String(description['file_id'])
    if (!/^\d+$/.test(fileId)) throw new Error(`its description has file_id '${fileId.slice(0, 50)}', expected a number`)
    return fileId
  }

  #fileOf ({ images, labels }: Table, file: FileEntry): Uint8Array {
    const { files } = this.#entry
    const role = fileRoles.find(role => files[role] === file)!
    const [train, rows, columns] = files.trainImages.dimensions as [number, number, number]
    const split = train * rows * columns
    const parts: Readonly<Record<FileRole, Uint8Array>> = {
      trainImages: images.subarray(0, split),
      trainLabels: labels.subarray(0, train),
      testImages: images.subarray(split),
      testLabels: labels.subarray(train)
    }
    return idxOf(file.dimensions, parts[role])
  }
}

/** An IDX file of unsigned bytes: what decode/idx.ts reads. */
function idxOf (dimensions: readonly number[], data: Uint8Array): Uint8Array {
  const file = Buffer.allocUnsafeSlow(4 + 4 * dimensions.length + data.length)
  file.writeUInt32BE(0x0800 + dimensions.length)
  dimensions.forEach((dimension, axis) => file.writeUInt32BE(dimension, 4 + 4 * axis))
  file.set(data, 4 + 4 * dimensions.length)
  return file
}

function descriptionOf (bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(bytes)).data_set_description)
  } catch (cause) {
    throw new Error('its description is not JSON', { cause })
  }
}

/** Reads a table, gzipped or not, while it comes, and keeps nothing else of it. */
class TableSink implements Sink {
  readonly #start: () => Table
  readonly #limit: number
  #table: Table
  #md5: Hash = createHash('md5')
  #gunzip: Gunzip | undefined
  #failure: Error | undefined
  #empty = true
  #bytes = 0

  /** @param limit bytes that the table may have at most, when it is not gzipped any more */
  constructor (start: () => Table, limit: number) {
    this.#start = start
    this.#limit = limit
    this.#table = start()
  }

  async write (chunk: Uint8Array): Promise<void> {
    if (this.#empty && chunk[0] === 0x1f) this.#gunzip = this.#newGunzip()
    this.#empty = false
    if (this.#gunzip) await new Promise<void>(resolve => this.#gunzip!.write(chunk, () => resolve()))
    else this.#take(chunk)
    if (this.#failure) throw this.#failure
  }

  restart (): void {
    this.#gunzip?.destroy()
    this.#gunzip = undefined
    this.#table = this.#start()
    this.#md5 = createHash('md5')
    this.#failure = undefined
    this.#empty = true
    this.#bytes = 0
  }

  /** @param md5 that the whole must have, hexadecimal */
  async end (md5: string): Promise<Table> {
    const gunzip = this.#gunzip
    if (gunzip) await new Promise<void>(resolve => gunzip.once('close', resolve).end())
    if (this.#failure) throw this.#failure
    const found = this.#md5.digest('hex')
    if (found !== md5) throw new Error(`has MD5 ${found}, expected ${md5}`)
    this.#table.end()
    return this.#table
  }

  #newGunzip (): Gunzip {
    const gunzip = createGunzip()
    gunzip.on('error', (error: Error) => { this.#failure ??= new Error(`is not a whole gzip file: ${error.message}`) })
    gunzip.on('data', (chunk: Uint8Array) => {
      try {
        if (!this.#failure) this.#take(chunk)
      } catch (error) {
        this.#failure = error as Error
        gunzip.destroy()
      }
    })
    return gunzip
  }

  #take (chunk: Uint8Array): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limit) throw new Error(`has more than ${this.#limit} bytes`)
    this.#md5.update(chunk)
    this.#table.push(chunk)
  }
}
