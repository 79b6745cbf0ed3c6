import { ServiceError } from '../errors.ts'

/** What the table of a dataset of pictures must be: a row each, its pixels' levels and then its class. */
export interface TableShape {
  readonly rows: number
  readonly pixels: number
  readonly classes: number
}

/** Longest line of the header, in bytes. */
const LINE_LIMIT = 1 << 16

/** Most characters of one number or class, quotes and blanks aside. */
const FIELD_LIMIT = 3

const [TAB, LF, CR, SPACE, QUOTE, PERCENT, APOSTROPHE, COMMA, ZERO, NINE] = [9, 10, 13, 32, 34, 37, 39, 44, 48, 57]

/**
 * Reads a table of pictures from an ARFF file (waikato.github.io/weka-wiki/formats_and_processing/arff_stable), chunk by
 * chunk, in memory of the table's own size:
 *
 *     % a comment
 *     @RELATION mnist_784
 *     @ATTRIBUTE pixel1 real            numeric, real or integer, as many as there are pixels
 *     @ATTRIBUTE class {0,1,…}          last; the label is the number of the class
 *     @DATA
 *     0,0,12,…,255,…,5                  whole numbers from 0 to 255, and the class, quoted or not
 *
 * Sparse rows and missing values are refused.
 */
export class ArffTable {
  /** u8 rows·pixels. */
  readonly images: Uint8Array
  /** u8 rows. */
  readonly labels: Uint8Array
  readonly #shape: TableShape
  #header = ''
  #attributes: string[] = []
  #inData = false
  #line = 1
  #row = 0
  #column = 0
  #value = 0
  #digits = 0
  /** What of a field has been: nothing, digits, or all but what may stand behind it. */
  #field: 'start' | 'digits' | 'end' = 'start'
  #quote = 0
  #comment = false

  constructor (shape: TableShape) {
    this.#shape = shape
    this.images = new Uint8Array(shape.rows * shape.pixels)
    this.labels = new Uint8Array(shape.rows)
  }

  /** @throws ServiceError invalid_file: names the line and what is wrong with it */
  push (chunk: Uint8Array): void {
    let at = 0
    while (!this.#inData && at < chunk.length) at = this.#pushHeader(chunk, at)
    if (this.#inData) this.#pushData(chunk, at)
  }

  /** @throws ServiceError invalid_file: it ended too early */
  end (): void {
    // The last line need not have an end.
    if (this.#inData) this.#endLine()
    const { rows } = this.#shape
    if (this.#row !== rows) throw new ServiceError('invalid_file', this.#inData ? `ARFF has ${this.#row} rows, expected ${rows}` : 'ARFF has no @DATA')
  }

  /** Takes a line, or what there is of it; gives where the next one starts. */
  #pushHeader (chunk: Uint8Array, from: number): number {
    const end = chunk.indexOf(LF, from)
    const to = end < 0 ? chunk.length : end
    if (this.#header.length + to - from > LINE_LIMIT) throw this.#fault(`is longer than ${LINE_LIMIT} bytes`)
    this.#header += Buffer.from(chunk.buffer, chunk.byteOffset + from, to - from).toString('latin1')
    if (end < 0) return chunk.length
    this.#endHeaderLine(this.#header.trim())
    this.#header = ''
    this.#line++
    return end + 1
  }

  #endHeaderLine (line: string): void {
    if (line === '' || line.startsWith('%')) return
    const [, keyword, rest] = /^@(\w+)\s*(.*)$/.exec(line) ?? []
    switch (keyword?.toLowerCase()) {
      case 'relation': return
      case 'attribute': return this.#addAttribute(rest!)
      case 'data': return this.#startData()
      default: throw this.#fault(`starts with '${line.slice(0, 20)}', expected @RELATION, @ATTRIBUTE, @DATA or a comment`)
    }
  }

  #addAttribute (declaration: string): void {
    const [, quoted, doubleQuoted, plain, type] = /^(?:'([^']*)'|"([^"]*)"|(\S+))\s+(.+)$/.exec(declaration) ?? []
    const name = quoted ?? doubleQuoted ?? plain
    const isClass = this.#attributes.length === this.#shape.pixels
    if (type === undefined) throw this.#fault('has an attribute without a type')
    if (isClass ? name!.toLowerCase() !== 'class' : !/^(numeric|real|integer)$/i.test(type.trim())) {
      throw this.#fault(`has attribute ${this.#attributes.length + 1} '${name!.slice(0, 20)}' of type '${type.slice(0, 20)}', expected ${isClass ? 'class' : 'a number'}`)
    }
    this.#attributes.push(name!)
    if (this.#attributes.length > this.#shape.pixels + 1) throw this.#fault(`has one more than ${this.#shape.pixels + 1} attributes`)
  }

  #startData (): void {
    const { pixels } = this.#shape
    if (this.#attributes.length !== pixels + 1) throw this.#fault(`follows ${this.#attributes.length} attributes, expected ${pixels + 1}`)
    this.#inData = true
  }

  #pushData (chunk: Uint8Array, from: number): void {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte >= ZERO && byte <= NINE && !this.#comment) this.#addDigit(byte - ZERO)
      else if (byte === COMMA && !this.#comment) this.#endField()
      else if (byte === LF) this.#endLine()
      else if (!this.#comment) this.#addOther(byte)
    }
  }

  #addDigit (digit: number): void {
    if (this.#field === 'end') throw this.#fault(`has two numbers in column ${this.#column + 1}`)
    if (++this.#digits > FIELD_LIMIT) throw this.#fault(`has a number of more than ${FIELD_LIMIT} digits in column ${this.#column + 1}`)
    this.#value = 10 * this.#value + digit
    this.#field = 'digits'
  }

  /** Blanks and quotes around a number, comments, and what must not be. */
  #addOther (byte: number): void {
    const column = this.#column + 1
    if (byte === SPACE || byte === TAB || byte === CR) {
      if (this.#field === 'digits' && this.#quote === 0) this.#field = 'end'
    } else if (byte === APOSTROPHE || byte === QUOTE) {
      if (this.#quote === 0 && this.#field === 'start') this.#quote = byte
      else if (this.#quote === byte && this.#field === 'digits') [this.#quote, this.#field] = [0, 'end']
      else throw this.#fault(`has a quote out of place in column ${column}`)
    } else if (byte === PERCENT && this.#column === 0 && this.#field === 'start') {
      this.#comment = true
    } else {
      throw this.#fault(`has '${String.fromCharCode(byte)}' in column ${column}, expected a whole number`)
    }
  }

  #endField (): void {
    const { rows, pixels, classes } = this.#shape
    const column = this.#column
    if (this.#digits === 0 || this.#quote !== 0) throw this.#fault(`has no number in column ${column + 1}`)
    if (this.#row === rows) throw this.#fault(`is row ${rows + 1}, expected ${rows}`)
    if (column < pixels) {
      if (this.#value > 255) throw this.#fault(`has ${this.#value} in column ${column + 1}, allowed are 0 to 255`)
      this.images[this.#row * pixels + column] = this.#value
    } else if (column === pixels) {
      if (this.#value >= classes) throw this.#fault(`has class ${this.#value}, allowed are 0 to ${classes - 1}`)
      this.labels[this.#row] = this.#value
    } else {
      throw this.#fault(`has more than ${pixels + 1} columns`)
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
      if (this.#column !== this.#shape.pixels + 1) throw this.#fault(`has ${this.#column} columns, expected ${this.#shape.pixels + 1}`)
      this.#row++
    }
    this.#column = 0
    this.#comment = false
    this.#startField()
    this.#line++
  }

  #fault (what: string): ServiceError {
    return new ServiceError('invalid_file', `ARFF line ${this.#line} ${what}`)
  }
}
