import { Worker } from 'node:worker_threads'
import type { ArtifactStore } from '../artifact/store.ts'
import type { DatasetMap, MapProgress, MapSource } from '../dataset/dataset-map.ts'
import type { PreparedDataset } from '../dataset/prepared.ts'
import { perSplit, splitNames } from '../dataset/sample-splits.ts'
import { sha256 } from '../disk/hash.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { asBytes } from '../memory/bytes.ts'
import type { ComputedMap } from './compute-map.ts'
import type { MapInput } from './findings.ts'

/** Computes a map elsewhere, and reports how far it is. */
export type ComputeMap = (
  input: MapInput,
  report: (progress: MapProgress) => void,
  signal: AbortSignal
) => Promise<ComputedMap>

export interface MapOptions {
  readonly store: ArtifactStore
  readonly signal: AbortSignal
  readonly warn: (message: string) => void
  /** A worker thread by default. */
  readonly compute?: ComputeMap
  /** Of the dataset: by default as many as take some minutes and 200 MB. */
  readonly maxSamples?: number
}

const MAX_SAMPLES = 300_000

/** Pause after a failure. */
const RETRY_SECONDS = 60

const START: MapProgress = { stage: 'components', done: 0 }

/** Maps are computed one at a time, since each keeps a core busy. */
let lastComputation: Promise<unknown> = Promise.resolve()

/** The map of a dataset: from its file, or computed on the first request and written to it. */
export function createMapSource (dataset: PreparedDataset, options: MapOptions): MapSource {
  const { store, signal, warn, compute = computeInWorker, maxSamples = MAX_SAMPLES } = options
  const { entry, version, shape, splits } = dataset
  const counts = perSplit(name => splits[name].count)
  const samples = counts.train + counts.val + counts.test
  let map: DatasetMap | undefined
  let progress = START
  let restoring: Promise<void> | undefined
  let failure: { readonly error: Error, readonly until: number } | undefined
  let isComputing = false

  return {
    async get () {
      if (map) return map
      if (samples > maxSamples) {
        const detail = `${entry.name} has ${samples} samples, but a map can have at most ${maxSamples}`
        throw new ServiceError('no_map', detail)
      }
      await (restoring ??= restore())
      if (map) return map
      if (isComputing) return progress
      if (failure && performance.now() < failure.until) {
        const retryAfter = Math.ceil((failure.until - performance.now()) / 1000)
        throw new ServiceError('map_failed', messageOf(failure.error), { cause: failure.error, retryAfter })
      }
      isComputing = true
      progress = START
      lastComputation = lastComputation.then(create).catch(error => {
        failure = { error, until: performance.now() + RETRY_SECONDS * 1000 }
        if (!signal.aborted) warn(`the map of version ${version} cannot be computed: ${messageOf(error)}`)
      }).finally(() => { isComputing = false })
      return progress
    }
  }

  async function restore (): Promise<void> {
    try {
      const file = await store.readMap(version)
      map = file && decodeMap(file, counts)
    } catch (error) {
      warn(`the map of version ${version} is not used: ${messageOf(error)}`)
      await store.quarantineMap(version).catch(error => warn(messageOf(error)))
    }
  }

  async function create (): Promise<void> {
    const waiting = (): void => warn(`another process computes the map of version ${version}`)
    await store.withLock(`${version}.map`, { signal, waiting, warn }, async () => {
      // Another process may have computed it while this one waited for the lock.
      await restore()
      if (map) return
      signal.throwIfAborted()
      const input = { shape, splits }
      const file = encodeMap(await compute(input, current => { progress = current }, signal))
      await store.writeMap(version, file).catch(error => warn(messageOf(error)))
      map = decodeMap(file, counts)
    })
  }
}

const computeInWorker: ComputeMap = async (input, report, signal) => {
  const worker = new Worker(new URL('./map-worker.js', import.meta.url), { workerData: inputOf(input) })
  worker.unref()
  const stop = (): void => { worker.terminate() }
  signal.addEventListener('abort', stop)
  try {
    return await new Promise((resolve, reject) => {
      worker.on('message', ({ progress, map }: { progress?: MapProgress, map?: ComputedMap }) => {
        if (progress) report(progress)
        if (map) resolve(map)
      })
      worker.once('error', reject)
      worker.once('exit', () => reject(new Error('the thread that computes it has ended')))
    })
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

/** Only what the thread needs, since it gets a copy of all that is not shared. */
function inputOf ({ shape, splits }: MapInput): MapInput {
  return { shape, splits: perSplit(name => ({ images: splits[name].images, labels: splits[name].labels })) }
}

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
