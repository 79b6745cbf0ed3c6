import { valueCount } from '../dataset/image-shape.ts'
import type { Samples } from '../dataset/sample-splits.ts'
import { ServiceError } from '../errors.ts'
import { yieldToEventLoop } from '../scheduling/event-loop.ts'
import type { DatasetFormat } from './dataset-format.ts'
import { decompress } from './gunzip.ts'

/** One table of all samples, gzipped or not. */
export const arff: DatasetFormat = {
  name: 'arff',

  async decode ([file], { classes, layout }) {
    const { shape, train, test } = layout!
    const pixels = valueCount(shape)
    const table = new ArffTable({ rows: train + test, pixels, classes: classes.length })
    for await (const chunk of decompress(file!)) {
      table.push(chunk)
      await yieldToEventLoop()
    }
    table.end()
    const select = (start: number, count: number): Samples => ({
      count,
      images: table.images.subarray(start * pixels, (start + count) * pixels),
      labels: table.labels.subarray(start, start + count)
    })
    return { shape, train: select(0, train), test: select(train, test) }
  }
}

/** Expected shape of a table: one image per row, its pixel levels followed by its class. */
export interface TableShape {
  readonly rows: number
  readonly pixels: number
  readonly classes: number
}

/** Longest header line, in bytes. */
const LINE_LIMIT = 1 << 16

/** Most digits of a number or class. */
const DIGIT_LIMIT = 3

const [TAB, LF, CR, SPACE, QUOTE, PERCENT, APOSTROPHE, COMMA, ZERO, NINE] = [9, 10, 13, 32, 34, 37, 39, 44, 48, 57]

/**
 * Parses a table of images from an ARFF file (waikato.github.io/weka-wiki/formats_and_processing/arff_stable), chunk by
 * chunk, holding nothing but the result:
 *
 *     % a comment
 *     @RELATION mnist_784
 *     @ATTRIBUTE pixel1 real            numeric, real or integer; one per pixel
 *     @ATTRIBUTE class {0,1,…}          last; the label is the number of the class
 *     @DATA
 *     0,0,12,…,255,…,5                  integers from 0 to 255, then the class, quoted or not
 *
 * Sparse rows and missing values are rejected.
 */
export class ArffTable {
  /** uint8 rows·pixels, row by row. */
  readonly images: Uint8Array
  /** uint8 rows. */
  readonly labels: Uint8Array
  readonly #shape: TableShape
  #headerLine = ''
  #attributes = 0
  #inData = false
  /** Current line, counted from 1; row and column, counted from 0. */
  #line = 1
  #row = 0
  #column = 0
  #value = 0
  #digits = 0
  /** How far the current field is parsed; only blanks may follow its end. */
  #field: 'start' | 'digits' | 'end' = 'start'
  /** The opening quote of the current field, or 0. */
  #quote = 0
  #inComment = false

  constructor (shape: TableShape) {
    this.#shape = shape
    this.images = new Uint8Array(shape.rows * shape.pixels)
    this.labels = new Uint8Array(shape.rows)
  }

  /**
   * Parses the next chunk of the file, cut anywhere.
   *
   * @throws ServiceError invalid_file, with the line and the reason
   */
  push (chunk: Uint8Array): void {
    let at = 0
    while (!this.#inData && at < chunk.length) at = this.#pushHeader(chunk, at)
    if (this.#inData) this.#pushData(chunk, at)
  }

  /**
   * Ends the file.
   *
   * @throws ServiceError invalid_file: rows are missing
   */
  end (): void {
    // The last line may lack a line feed.
    if (this.#inData) this.#endLine()
    if (!this.#inData) throw new ServiceError('invalid_file', 'ARFF has no @DATA')
    const { rows } = this.#shape
    if (this.#row !== rows) throw new ServiceError('invalid_file', `ARFF has ${this.#row} rows, expected ${rows}`)
  }

  /** Parses a header line, or buffers an incomplete one; returns where the next line starts. */
  #pushHeader (chunk: Uint8Array, from: number): number {
    const lineFeed = chunk.indexOf(LF, from)
    const to = lineFeed < 0 ? chunk.length : lineFeed
    if (this.#headerLine.length + to - from > LINE_LIMIT) throw this.#invalid(`is longer than ${LINE_LIMIT} bytes`)
    this.#headerLine += Buffer.from(chunk.buffer, chunk.byteOffset + from, to - from).toString('latin1')
    if (lineFeed < 0) return chunk.length
    this.#parseHeaderLine(this.#headerLine.trim())
    this.#headerLine = ''
    this.#line++
    return lineFeed + 1
  }

  #parseHeaderLine (line: string): void {
    if (line === '' || line.startsWith('%')) return
    const [, keyword, rest] = /^@(\w+)\s*(.*)$/.exec(line) ?? []
    switch (keyword?.toLowerCase()) {
      case 'relation': return
      case 'attribute': return this.#parseAttribute(rest!)
      case 'data': return this.#startData()
      default:
        throw this.#invalid(`starts with '${line.slice(0, 20)}', expected @RELATION, @ATTRIBUTE, @DATA or a comment`)
    }
  }

  #parseAttribute (declaration: string): void {
    const { pixels } = this.#shape
    const [, quoted, doubleQuoted, plain, type] = /^(?:'([^']*)'|"([^"]*)"|(\S+))\s+(.+)$/.exec(declaration) ?? []
    if (type === undefined) throw this.#invalid('has an attribute without a type')
    const name = (quoted ?? doubleQuoted ?? plain)!
    const isClass = this.#attributes === pixels
    const valid = isClass ? name.toLowerCase() === 'class' : /^(numeric|real|integer)$/i.test(type.trim())
    if (!valid) {
      const found = `'${name.slice(0, 20)}' of type '${type.slice(0, 20)}'`
      const expected = isClass ? 'class' : 'a number'
      throw this.#invalid(`has attribute ${this.#attributes + 1} ${found}, expected ${expected}`)
    }
    if (++this.#attributes > pixels + 1) throw this.#invalid(`has more than ${pixels + 1} attributes`)
  }

  #startData (): void {
    const expected = this.#shape.pixels + 1
    if (this.#attributes !== expected) {
      throw this.#invalid(`follows ${this.#attributes} attributes, expected ${expected}`)
    }
    this.#inData = true
  }

  #pushData (chunk: Uint8Array, from: number): void {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte >= ZERO && byte <= NINE && !this.#inComment) this.#addDigit(byte - ZERO)
      else if (byte === COMMA && !this.#inComment) this.#endField()
      else if (byte === LF) this.#endLine()
      else if (!this.#inComment) this.#addOther(byte)
    }
  }

  #addDigit (digit: number): void {
    if (this.#field === 'end') throw this.#invalid(`has two numbers in column ${this.#column + 1}`)
    if (++this.#digits > DIGIT_LIMIT) {
      throw this.#invalid(`has a number of more than ${DIGIT_LIMIT} digits in column ${this.#column + 1}`)
    }
    this.#value = 10 * this.#value + digit
    this.#field = 'digits'
  }

  /** Handles blanks, quotes and comments, and rejects everything else. */
  #addOther (byte: number): void {
    const column = this.#column + 1
    if (byte === SPACE || byte === TAB || byte === CR) {
      if (this.#field === 'digits' && this.#quote === 0) this.#field = 'end'
    } else if (byte === APOSTROPHE || byte === QUOTE) {
      if (this.#quote === 0 && this.#field === 'start') this.#quote = byte
      else if (this.#quote === byte && this.#field === 'digits') [this.#quote, this.#field] = [0, 'end']
      else throw this.#invalid(`has a misplaced quote in column ${column}`)
    } else if (byte === PERCENT && this.#column === 0 && this.#field === 'start') {
      this.#inComment = true
    } else {
      throw this.#invalid(`has '${String.fromCharCode(byte)}' in column ${column}, expected an integer`)
    }
  }

  #endField (): void {
    const { rows, pixels, classes } = this.#shape
    const column = this.#column
    if (this.#digits === 0 || this.#quote !== 0) throw this.#invalid(`has no number in column ${column + 1}`)
    if (this.#row === rows) throw this.#invalid(`is row ${rows + 1}, expected ${rows}`)
    if (column < pixels) {
      if (this.#value > 255) throw this.#invalid(`has ${this.#value} in column ${column + 1}, allowed are 0 to 255`)
      this.images[this.#row * pixels + column] = this.#value
    } else if (column === pixels) {
      if (this.#value >= classes) throw this.#invalid(`has class ${this.#value}, allowed are 0 to ${classes - 1}`)
      this.labels[this.#row] = this.#value
    } else {
      throw this.#invalid(`has more than ${pixels + 1} columns`)
    }
    this.#column++
    this.#startField()
  }

  #startField (): void {
    this.#value = 0
    this.#digits = 0
    this.#field = 'start'
  }

  #endLine (): void {
    const blank = this.#column === 0 && this.#digits === 0 && this.#quote === 0
    if (!blank) {
      this.#endField()
      const expected = this.#shape.pixels + 1
      if (this.#column !== expected) throw this.#invalid(`has ${this.#column} columns, expected ${expected}`)
      this.#row++
    }
    this.#column = 0
    this.#inComment = false
    this.#startField()
    this.#line++
  }

  #invalid (reason: string): ServiceError {
    return new ServiceError('invalid_file', `ARFF line ${this.#line} ${reason}`)
  }
}
