import type { DatasetMap } from '../dataset/dataset-map.ts'
import { perSplit, splitNames } from '../dataset/sample-splits.ts'
import { sha256 } from '../disk/hash.ts'
import { ServiceError } from '../errors.ts'
import { asBytes } from '../memory/bytes.ts'
import type { ComputedMap } from './compute-map.ts'

/** Incremented when the format or the algorithm changes; maps of another layout are computed anew. */
const LAYOUT = 1
const HASH_BYTES = 32

/**
 * The file of a map:
 *
 *     0    SHA-256 of the rest
 *     32   u32   length of the header
 *     36   JSON, spaces; the points of each split follow at a multiple of 4
 */
export function encodeMap ({ points, duplicates, suspects }: ComputedMap): Buffer {
  const counts = perSplit(name => points[name].length / 2)
  const json = Buffer.from(JSON.stringify({ layout: LAYOUT, counts, duplicates, suspects }))
  const header = Buffer.alloc(Math.ceil(json.length / 4) * 4, ' ')
  json.copy(header)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(header.length)
  const rest = Buffer.concat([length, header, ...splitNames.map(name => asBytes(points[name]))])
  return Buffer.concat([Buffer.from(sha256(rest), 'hex'), rest])
}

/**
 * The map of a file.
 *
 * @param counts of the dataset's splits
 * @returns undefined if the file has another layout
 * @throws ServiceError artifact_unusable: it is damaged, or that of another dataset
 */
export function decodeMap (file: Uint8Array, counts: Readonly<Record<string, number>>): DatasetMap | undefined {
  const hash = verifyMap(file)
  // Copied, for arrays that are aligned.
  const rest = Uint8Array.from(file.subarray(HASH_BYTES))
  const end = 4 + Buffer.from(rest).readUInt32LE()
  const { layout, ...header } = JSON.parse(Buffer.from(rest.subarray(4, end)).toString())
  if (layout !== LAYOUT) return undefined
  let start = end
  const points = perSplit(name => {
    if (header.counts[name] !== counts[name]) throw unusable('the map is that of another dataset')
    const bytes = rest.slice(start, start + 8 * counts[name])
    start += bytes.length
    return new Float32Array(bytes.buffer)
  })
  return { points, duplicates: header.duplicates, suspects: header.suspects, hash: hash.slice(0, 16) }
}

/**
 * The SHA-256 of a file's content.
 *
 * @throws ServiceError artifact_unusable: it is damaged
 */
export function verifyMap (file: Uint8Array = new Uint8Array()): string {
  const hash = sha256(file.subarray(HASH_BYTES))
  if (hash !== Buffer.from(file.subarray(0, HASH_BYTES)).toString('hex')) throw unusable('the map is damaged')
  return hash
}

function unusable (reason: string): ServiceError {
  return new ServiceError('artifact_unusable', reason)
}
