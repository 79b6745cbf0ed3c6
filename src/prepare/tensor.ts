import util from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import type { BackendChoice, BackendName } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'

export { tf }

export interface ChosenBackend {
  readonly name: BackendName
  /** Faster backends that could not be used, and why. */
  readonly skipped: ReadonlyArray<{ readonly name: BackendName, readonly reason: string }>
}

/**
 * The values of a computed tensor; everything made on the way is given back. The values are read outside of `tidy`,
 * which would look through them, element by element, for tensors to keep.
 */
export function values (compute: () => tf.Tensor): Float32Array {
  const result = tf.tidy(compute)
  const data = result.dataSync()
  result.dispose()
  // The cpu backend casts int32 to float32 by name only: the array below stays one of integers.
  return data instanceof Float32Array ? data : Float32Array.from(data)
}

/** How each backend is brought in, fastest first. */
const loaders: ReadonlyArray<{ readonly name: BackendName, readonly load: () => Promise<unknown> }> = [
  { name: 'tensorflow', load: loadNative },
  { name: 'wasm', load: loadWasm },
  { name: 'cpu', load: () => import('@tensorflow/tfjs-backend-cpu') }
]

/**
 * Makes TensorFlow.js compute with the backend asked for, or with the fastest one that is found to work.
 *
 * @throws ServiceError backend_unavailable: the one asked for by name, or all of them, cannot be used
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
  throw new ServiceError('backend_unavailable', skipped.map(({ name, reason }) => `TensorFlow.js backend ${name} is not usable: ${reason}`).join('; '))
}

async function loadNative (): Promise<void> {
  // TensorFlow's C++ library reads these once, when it is loaded; the process belongs to the preparation. The first
  // keeps it quiet, the second keeps it from reordering sums.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0'
  // tfjs-node 4.22 calls these, which Node 23 removed; its own fix is not released.
  const removed = { isNullOrUndefined: (value: unknown) => value === null || value === undefined, isArray: Array.isArray }
  for (const [name, check] of Object.entries(removed)) {
    if (!(name in util)) Object.assign(util, { [name]: check })
  }
  // Its other uses of what Node deprecated are none of the user's business.
  process.noDeprecation = true
  // Optional and often absent, hence not known to the compiler.
  const specifier: string = '@tensorflow/tfjs-node'
  await import(specifier)
}

async function loadWasm (): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const before = events.map(event => process.listeners(event as 'uncaughtException'))
  await import('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')
  // Emscripten's runtime adds listeners that turn any later error of ours into its own.
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (!before[i]!.includes(listener)) process.off(event, listener)
    }
  })
}

/** Loading proves little: runs each kind of operation that the preparation uses, and checks what comes out. */
function probe (): void {
  const x = tf.tensor3d([0, 51, 102, 153, 204, 255], [1, 2, 3])
  const found = [
    () => tf.div(tf.sub(tf.div(x, 255), 0.2), 2),
    () => tf.sum(tf.square(x), 0),
    () => tf.minimum(x, 100),
    () => tf.maximum(x, 100),
    () => tf.floor(tf.add(tf.mul(x, 1 / 16), 0.5)),
    () => tf.slice(tf.mirrorPad(x, [[0, 0], [1, 1], [1, 1]], 'symmetric'), [0, 0, 0], [1, 1, 2]),
    () => tf.cast(tf.oneHot(tf.tensor1d([2, 0], 'int32'), 3), 'float32')
  ].map(compute => Array.from(values(compute)).join(' ')).join(' | ')
  x.dispose()
  if (found !== probed) throw new Error(`it computes wrong values: ${found}`)
}

const fround = Math.fround
const probed = [
  [0, 51, 102, 153, 204, 255].map(x => fround(fround(fround(x / 255) - fround(0.2)) / 2)),
  [0, 2601, 10404, 23409, 41616, 65025],
  [0, 51, 100, 100, 100, 100],
  [100, 100, 102, 153, 204, 255],
  [0, 3, 6, 10, 13, 16],
  [0, 0],
  [0, 0, 1, 1, 0, 0]
].map(values => values.join(' ')).join(' | ')
