import { readNpy, type NpyArray } from './npy.ts'

/** Predicted labels of samples, in pairs. */
export interface PredictedLabels {
  readonly ids: readonly number[]
  readonly labels: readonly number[]
}

/** Names under which the columns of a file are found, in lower case. */
const ID_NAMES = ['id', 'ids', 'index', 'sample']
const LABEL_NAMES = ['label', 'labels', 'prediction', 'predictions', 'predicted', 'class', 'y', 'y_pred', 'logits']

/**
 * Reads a CSV file with a header, a NPZ file with arrays, or JSON. Without ids, labels are those of the samples in
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
  const { ids, labels } = isZip
    ? columnsOf(await readNpz(bytes))
    : /\.npz$/i.test(name)
      ? fail('a NPZ file is a zip archive, and this is none')
      : readText(new TextDecoder().decode(bytes), name)
  if (labels.length === 0) fail('the file has no predictions')
  const resolved = ids ?? labels.map((_, i) => i)
  if (resolved.length !== labels.length) fail(`there are ${resolved.length} ids, but ${labels.length} labels`)
  const seen = new Set<number>()
  const numbers = labels.map((label, i) => {
    const where = `prediction ${i + 1}`
    const id = Number(resolved[i])
    const isId = Number.isInteger(id) && id >= 0 && String(resolved[i]).trim() !== ''
    if (!isId) fail(`${where}: '${resolved[i]}' is not an id`)
    if (id >= count) fail(`${where}: there is no sample ${id}, the split has ${count}`)
    if (seen.has(id)) fail(`${where}: sample ${id} has two predictions`)
    seen.add(id)
    return resolveLabel(label, classes, where)
  })
  return { ids: resolved.map(Number), labels: numbers }
}

function fail (reason: string): never {
  throw new Error(reason)
}

function resolveLabel (label: unknown, classes: readonly string[], where: string): number {
  // Scores of every class.
  if (Array.isArray(label)) {
    if (label.length !== classes.length) fail(`${where}: ${label.length} scores for ${classes.length} classes`)
    return label.indexOf(Math.max(...label))
  }
  const text = String(label).trim()
  const number = text === '' ? NaN : Number(text)
  if (Number.isInteger(number) && number >= 0 && number < classes.length) return number
  const named = classes.indexOf(text)
  return named >= 0 ? named : fail(`${where}: '${text.slice(0, 40)}' is not a label from 0 to ${classes.length - 1}`)
}

interface Columns {
  readonly ids: readonly unknown[] | undefined
  readonly labels: readonly unknown[]
}

function readText (text: string, name: string): Columns {
  const isJson = /\.json$/i.test(name) || /^\s*[[{]/.test(text)
  return isJson ? readJson(text) : readCsv(text)
}

function readJson (text: string): Columns {
  let value: any
  try {
    value = JSON.parse(text)
  } catch (error) {
    fail(`it is not valid JSON: ${(error as Error).message}`)
  }
  if (Array.isArray(value)) {
    if (value.every(item => typeof item === 'object' && item !== null && !Array.isArray(item))) {
      const members = Object.keys(value[0] ?? {})
      const key = (names: readonly string[]) => members.find(key => names.includes(key.toLowerCase()))
      const [id, label] = [key(ID_NAMES), key(LABEL_NAMES)]
      if (label === undefined) fail(`its objects have none of the members ${LABEL_NAMES.join(', ')}`)
      return { ids: id === undefined ? undefined : value.map(item => item[id]), labels: value.map(item => item[label]) }
    }
    return { ids: undefined, labels: value }
  }
  if (typeof value !== 'object' || value === null) fail('it is neither a list nor an object')
  const columns = new Map(Object.entries(value).filter(([, list]) => Array.isArray(list)) as Array<[string, unknown[]]>)
  // A map of id to label.
  if (columns.size === 0) return { ids: Object.keys(value), labels: Object.values(value) }
  return columnsOf(columns)
}

function readCsv (text: string): Columns {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/).filter(line => line.trim() !== '')
  if (lines.length === 0) fail('the file is empty')
  const separator = [',', ';', '\t'].find(character => lines[0]!.includes(character)) ?? ','
  const cells = lines.map(line => line.split(separator).map(cell => cell.trim().replace(/^"(.*)"$/, '$1')))
  const header = cells[0]!.map(cell => cell.toLowerCase())
  const width = header.length
  const broken = cells.findIndex(row => row.length !== width)
  if (broken >= 0) fail(`line ${broken + 1} has ${cells[broken]!.length} cells, and the first one has ${width}`)
  const idColumn = header.findIndex(name => ID_NAMES.includes(name))
  const labelColumn = header.findIndex(name => LABEL_NAMES.includes(name))
  if (labelColumn >= 0) {
    const rows = cells.slice(1)
    return {
      ids: idColumn < 0 ? undefined : rows.map(row => row[idColumn]),
      labels: rows.map(row => row[labelColumn])
    }
  }
  const isNumeric = cells[0]!.every(cell => cell !== '' && !Number.isNaN(Number(cell)))
  if (!isNumeric || width > 2) fail('its first line must name the columns, such as: id,label')
  return width === 1
    ? { ids: undefined, labels: cells.map(row => row[0]) }
    : { ids: cells.map(row => row[0]), labels: cells.map(row => row[1]) }
}

function columnsOf (columns: ReadonlyMap<string, readonly unknown[]>): Columns {
  const find = (names: readonly string[]) => [...columns].find(([name]) => names.includes(name.toLowerCase()))?.[1]
  const labels = find(LABEL_NAMES) ?? (columns.size === 1 ? [...columns.values()][0] : undefined)
  if (!labels) fail(`it has the arrays ${[...columns.keys()].join(', ')}, and none of ${LABEL_NAMES.join(', ')}`)
  return { ids: find(ID_NAMES), labels: labels! }
}

/** The arrays of a NPZ file, as lists; rows of scores as lists of lists. */
async function readNpz (bytes: Uint8Array): Promise<Map<string, unknown[]>> {
  const arrays = new Map<string, unknown[]>()
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
      arrays.set(name.replace(/\.npy$/, ''), toRows(readNpy(content)))
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
