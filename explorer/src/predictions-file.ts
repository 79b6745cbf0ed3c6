import { readNpy, type NpyArray } from './npy.ts'
import { choosePredictions, type Column } from './prediction-columns.ts'

/** Predicted labels of samples, in pairs. */
export interface PredictedLabels {
  readonly ids: readonly number[]
  readonly labels: readonly number[]
  /** The name of the column that they come from; undefined if the file has none. */
  readonly column: string | undefined
}

/**
 * Reads a CSV file with a header, a NPZ file with arrays, or JSON. Without ids, predictions are those of the samples in
 * order.
 *
 * @param classes names, which may stand for labels
 * @param count samples of the split
 * @throws Error with what is wrong, and where
 */
export async function readPredictions (
  name: string,
  bytes: Uint8Array,
  classes: readonly string[],
  count: number
): Promise<PredictedLabels> {
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b
  const rows: Rows = isZip
    ? choosePredictions(await readNpz(bytes))
    : /\.npz$/i.test(name)
      ? fail('a NPZ file is a zip archive, and this is none')
      : readText(new TextDecoder().decode(bytes), name)
  const { ids, predictions, where = i => `prediction ${i + 1}` } = rows
  const { values } = predictions
  if (values.length === 0) fail('the file has no predictions')
  const resolved = ids ?? values.map((_, i) => i)
  if (resolved.length !== values.length) fail(`there are ${resolved.length} ids, but ${values.length} predictions`)
  const seen = new Set<number>()
  const labels = values.map((value, i) => {
    const id = toNumber(resolved[i])
    if (!Number.isInteger(id) || id < 0) fail(`${where(i)}: '${resolved[i]}' is not an id`)
    if (id >= count) fail(`${where(i)}: there is no sample ${id}, the split has ${count}`)
    if (seen.has(id)) fail(`${where(i)}: sample ${id} has two predictions`)
    seen.add(id)
    return resolveLabel(value, classes, where(i))
  })
  return { ids: [...seen], labels, column: predictions.name || undefined }
}

function fail (reason: string): never {
  throw new Error(reason)
}

/** NaN for anything but a number or its text. */
function toNumber (value: unknown): number {
  if (typeof value === 'string') return value.trim() === '' ? NaN : Number(value)
  return typeof value === 'number' ? value : NaN
}

function resolveLabel (value: unknown, classes: readonly string[], where: string): number {
  if (Array.isArray(value)) return highestScore(value, classes, where)
  const number = toNumber(value)
  if (Number.isInteger(number) && number >= 0 && number < classes.length) return number
  const text = String(value).trim()
  const named = classes.indexOf(text)
  return named >= 0 ? named : fail(`${where}: '${text.slice(0, 40)}' is not a label from 0 to ${classes.length - 1}`)
}

/** The class with the highest score; of equal ones the first, as NumPy's argmax. */
function highestScore (values: readonly unknown[], classes: readonly string[], where: string): number {
  if (values.length !== classes.length) fail(`${where}: ${values.length} scores for ${classes.length} classes`)
  const scores = values.map(toNumber)
  const invalid = scores.findIndex(Number.isNaN)
  if (invalid >= 0) fail(`${where}: the score of class ${classes[invalid]} is ${values[invalid]}, not a number`)
  return scores.indexOf(Math.max(...scores))
}

interface Rows {
  readonly ids: readonly unknown[] | undefined
  readonly predictions: Column
  /** The place of a row in the file, for errors. */
  readonly where?: (row: number) => string
}

function readText (text: string, name: string): Rows {
  const isJson = /\.json$/i.test(name) || /^\s*[[{]/.test(text)
  return isJson ? readJson(text) : readCsv(text)
}

const unnamed = (values: readonly unknown[]): Column => ({ name: '', values })

function readJson (text: string): Rows {
  const value = parseJson(text)
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isObject)) {
      const names = [...new Set(value.flatMap(item => Object.keys(item)))]
      return choosePredictions(names.map(name => ({ name, values: value.map(item => item[name]) })))
    }
    return { ids: undefined, predictions: unnamed(value) }
  }
  if (!isObject(value)) return fail('it is neither a list nor an object')
  const columns = Object.entries(value).filter(([, list]) => Array.isArray(list))
  // A map of id to label.
  if (columns.length === 0) return { ids: Object.keys(value), predictions: unnamed(Object.values(value)) }
  return choosePredictions(columns.map(([name, values]) => ({ name, values: values as unknown[] })))
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Python writes NaN and Infinity, which are not JSON: they become texts. */
function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    try {
      return JSON.parse(text.replace(/\bNaN\b|-?\bInfinity\b/g, '"$&"'))
    } catch {
      return fail(`it is not valid JSON: ${(error as Error).message}`)
    }
  }
}

function readCsv (text: string): Rows {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)
    .map((line, i) => ({ line, number: i + 1 }))
    .filter(({ line }) => line.trim() !== '')
  if (lines.length === 0) fail('the file is empty')
  const separator = [',', ';', '\t'].find(character => lines[0]!.line.includes(character)) ?? ','
  const rows = lines.map(({ line }) => line.split(separator).map(cell => cell.trim().replace(/^"(.*)"$/, '$1')))
  const header = rows[0]!
  const width = header.length
  const broken = rows.findIndex(row => row.length !== width)
  if (broken >= 0) {
    fail(`line ${lines[broken]!.number} has ${rows[broken]!.length} cells, and the first one has ${width}`)
  }
  const columnsFrom = (first: number, names: readonly string[]): Column[] => {
    return names.map((name, column) => ({ name, values: rows.slice(first).map(row => row[column]) }))
  }
  if (header.some(cell => Number.isNaN(toNumber(cell)))) {
    return { ...choosePredictions(columnsFrom(1, header)), where: row => `line ${lines[row + 1]!.number}` }
  }
  const where = (row: number): string => `line ${lines[row]!.number}`
  if (width > 2) fail('its first line must name the columns, such as: id,prediction')
  const columns = columnsFrom(0, ['', ''].slice(0, width))
  return { ids: width === 1 ? undefined : columns[0]!.values, predictions: columns.at(-1)!, where }
}

/** The arrays of a NPZ file, as lists; rows of scores as lists of lists. */
async function readNpz (bytes: Uint8Array): Promise<Column[]> {
  const arrays: Column[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = findEnd(view)
  const entries = view.getUint16(end + 10, true)
  for (let i = 0, at = view.getUint32(end + 16, true); i < entries; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) fail('the archive is damaged')
    const [method, packed] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true)]
    const length = (offset: number): number => view.getUint16(at + offset, true)
    const [nameLength, extra, comment] = [length(28), length(30), length(32)]
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    const local = view.getUint32(at + 42, true)
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    const data = bytes.slice(start, start + packed)
    if (method !== 0 && method !== 8) fail(`${name} has the unknown compression ${method}`)
    const content = method === 0 ? data : await inflate(data).catch(() => fail(`${name} is damaged`))
    try {
      arrays.push({ name: name.replace(/\.npy$/, ''), values: toRows(readNpy(content)) })
    } catch (error) {
      fail(`${name}: ${(error as Error).message}`)
    }
    at += 46 + nameLength + extra + comment
  }
  return arrays
}

function findEnd (view: DataView): number {
  for (let at = view.byteLength - 22; at >= 0; at--) {
    if (view.getUint32(at, true) === 0x06054b50) return at
  }
  return fail('the archive is incomplete')
}

async function inflate (data: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([data as Uint8Array<ArrayBuffer>]).stream()
  const stream = packed.pipeThrough(new DecompressionStream('deflate-raw'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

function toRows ({ shape, values }: NpyArray): unknown[] {
  const numbers = Array.from(values as ArrayLike<number | bigint>, Number)
  if (shape.length !== 2) return numbers
  const [rows, columns] = shape as [number, number]
  if (columns === 1) return numbers
  return Array.from({ length: rows }, (_, row) => numbers.slice(row * columns, (row + 1) * columns))
}

/** Counts of samples by label (row) and predicted label (column). */
export function confusionMatrix (
  truth: ArrayLike<number>,
  { ids, labels }: PredictedLabels,
  classes: number
): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  ids.forEach((id, i) => { matrix[truth[id]!]![labels[i]!]!++ })
  return matrix
}
