/**
 * Scaling curves: shuffled float32 pages, each requested once, over more connections and in larger batches. Each point
 * has the throughput, the latency, the CPU time of the server and its memory.
 */
import { cpuSeconds, residentMiB, startQuietService } from '../scripts/lib/server.js'
import { withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

/** Training samples of MNIST. */
const SAMPLES = 48_000
const BATCHES = '/v1/datasets/mnist/splits/train/batches?format=safetensors&seed=1&epoch={epoch}&page={page}'

/** Curve → what changes along it, its points, and the batch size and connections of a point. */
export const curves = {
  connections: {
    x: 'connections',
    points: [1, 2, 4, 8, 16, 32, 64],
    request: connections => ({ batchSize: 256, connections })
  },
  'batch-sizes': {
    x: 'batch size',
    points: [1, 4, 16, 64, 256, 1024, 4096],
    request: batchSize => ({ batchSize, connections: 16 })
  }
}

/** Metric → its unit, and its value for a measured point. */
export const metrics = {
  throughput: { unit: 'samples/s', value: ({ samples, seconds }) => samples / seconds },
  'p50 latency': { unit: 'ms', value: ({ load }) => load['p50 ms'] },
  'p99 latency': { unit: 'ms', value: ({ load }) => load['p99 ms'] },
  'CPU time': { unit: 'µs per sample', value: ({ cpu, samples }) => cpu / samples * 1e6 },
  memory: { unit: 'MiB RSS', value: ({ rss }) => rss }
}

export async function scalingCurve (name, { rounds, seconds }) {
  const { x, points, request } = curves[name]
  return await withServers(async use => {
    const { base, pid } = await use(startQuietService())
    let firstEpoch = 0
    const contenders = Object.fromEntries(points.map(point => [point, request(point)]))
    const results = await alternate(contenders, 2 * rounds + 2, async ({ batchSize, connections }) => {
      const pages = Math.ceil(SAMPLES / batchSize)
      const before = cpuSeconds(pid)
      const target = { base, path: `${BATCHES}&batch_size=${batchSize}`, pages, firstEpoch }
      const result = await load(target, { seconds, connections })
      firstEpoch += result.epochs
      const samples = result['requests/s'] * seconds * SAMPLES / pages
      return { load: result, samples, seconds, cpu: cpuSeconds(pid) - before, rss: residentMiB(pid) }
    })
    return points.flatMap(point => Object.entries(metrics).map(([metric, { unit, value }]) => {
      // The first round warms up the server.
      const ours = results[point].slice(1).map(value)
      return { title: `${x} ${point}, ${metric}`, unit, curve: name, point, metric, ours }
    }))
  })
}
