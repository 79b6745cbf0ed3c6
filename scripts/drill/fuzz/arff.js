import { ArffTable } from '../../../dist/decode/arff.js'
import { mutate } from './mutate.js'

const shape = { rows: 3, pixels: 4, classes: 3 }
const original = Buffer.from(`% a table
@RELATION tiny
@ATTRIBUTE 'p 1' real
@ATTRIBUTE p2 numeric
@ATTRIBUTE p3 INTEGER
@ATTRIBUTE p4 real
@ATTRIBUTE class {0,1,2}

@DATA
0,1,2,255,0
% in between
 10 ,20,30,40,'1'\r
0,0,0,0,2
`)

export function read (random) {
  const bytes = mutate(original, random)
  const atOnce = parse(bytes, () => Infinity)
  const [expected, found] = [atOnce, parse(bytes, () => 1 + random() % 12)].map(result => JSON.stringify(result))
  if (found !== expected) throw new Error(`in one chunk ${expected}, in several ${found}`)
  return atOnce.reason === undefined
}

/** @param chunkSize returns the size of the next chunk */
function parse (bytes, chunkSize) {
  try {
    const table = new ArffTable(shape)
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + chunkSize())
      table.push(bytes.subarray(at, end))
      at = end
    }
    table.end()
    if (table.labels.some(label => label >= shape.classes)) throw new Error(`class ${table.labels}`)
    return { images: [...table.images], labels: [...table.labels] }
  } catch (error) {
    if (error.code === 'invalid_file') return { reason: error.message }
    throw error
  }
}
