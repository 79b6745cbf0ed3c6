import util from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import type { BackendChoice, BackendName } from '../dataset/settings.ts'
import { ServiceError, messageOf } from '../errors.ts'

export { tf }

export interface ChosenBackend {
  readonly name: BackendName
  /** Faster backends that could not be used, and why. */
  readonly skipped: ReadonlyArray<{ readonly name: BackendName, readonly reason: string }>
}

/**
 * The values of a computed tensor as float32; all tensors are disposed of. They are read outside of `tidy`, which would
 * search its result, element by element, for tensors to keep.
 */
export function values (compute: () => tf.Tensor): Float32Array {
  const result = tf.tidy(compute)
  const data = result.dataSync()
  result.dispose()
  // The cpu backend casts int32 to float32 in name only and returns an Int32Array.
  return data instanceof Float32Array ? data : Float32Array.from(data)
}

/** How each backend is loaded, fastest first. */
const loaders: ReadonlyArray<{ readonly name: BackendName, readonly load: () => Promise<unknown> }> = [
  { name: 'tensorflow', load: loadNative },
  { name: 'wasm', load: loadWasm },
  { name: 'cpu', load: () => import('@tensorflow/tfjs-backend-cpu') }
]

/**
 * Selects the requested TensorFlow.js backend; for `auto`, the fastest one that works.
 *
 * @throws ServiceError backend_unavailable: the requested backend, or every backend, is unusable
 */
export async function useBackend (choice: BackendChoice): Promise<ChosenBackend> {
  tf.enableProdMode()
  const skipped: Array<{ name: BackendName, reason: string }> = []
  for (const { name, load } of loaders) {
    if (choice !== 'auto' && choice !== name) continue
    try {
      await load()
      if (!await tf.setBackend(name)) throw new Error('TensorFlow.js refused it')
      probe()
      return { name, skipped }
    } catch (cause) {
      const [reason] = messageOf(cause).split('\n')
      skipped.push({ name, reason: reason! })
    }
  }
  const reasons = skipped.map(({ name, reason }) => `TensorFlow.js backend ${name} is not usable: ${reason}`)
  throw new ServiceError('backend_unavailable', reasons.join('; '))
}

async function loadNative (): Promise<void> {
  // TensorFlow's C++ library reads both once, on loading. The first silences it, the second forbids it to reorder sums.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0'
  // tfjs-node 4.22 calls these functions, which Node 23 removed; the upstream fix is unreleased.
  const isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined
  const removed = { isNullOrUndefined, isArray: Array.isArray }
  for (const [name, check] of Object.entries(removed)) {
    if (!(name in util)) Object.assign(util, { [name]: check })
  }
  // Hides warnings about deprecated APIs inside tfjs-node.
  process.noDeprecation = true
  // An optional package: a non-literal specifier passes the type check without it.
  const specifier: string = '@tensorflow/tfjs-node'
  await import(specifier)
}

async function loadWasm (): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const before = events.map(event => process.listeners(event as 'uncaughtException'))
  await import('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')
  // Emscripten's runtime adds listeners that rethrow every later error of this process as its own.
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (!before[i]!.includes(listener)) process.off(event, listener)
    }
  })
}

/** Runs every operation that the preparation uses and checks the values: a backend that loads may still be unusable. */
function probe (): void {
  const x = tf.tensor3d([0, 51, 102, 153, 204, 255], [1, 2, 3])
  const found = [
    () => tf.div(tf.sub(tf.div(x, 255), 0.2), 2),
    () => tf.sum(tf.square(x), 0),
    () => tf.minimum(x, 100),
    () => tf.maximum(x, 100),
    () => tf.floor(tf.add(tf.mul(x, 1 / 16), 0.5)),
    () => tf.slice(tf.mirrorPad(x, [[0, 0], [1, 1], [1, 1]], 'symmetric'), [0, 0, 0], [1, 1, 2])
  ].map(compute => Array.from(values(compute)).join(' ')).join(' | ')
  x.dispose()
  if (found !== expected) throw new Error(`it computes wrong values: ${found}`)
}

const fround = Math.fround
const expected = [
  [0, 51, 102, 153, 204, 255].map(x => fround(fround(fround(x / 255) - fround(0.2)) / 2)),
  [0, 2601, 10404, 23409, 41616, 65025],
  [0, 51, 100, 100, 100, 100],
  [100, 100, 102, 153, 204, 255],
  [0, 3, 6, 10, 13, 16],
  [0, 0]
].map(values => values.join(' ')).join(' | ')
