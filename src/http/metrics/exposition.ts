import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'
import { Registry, collectDefaultMetrics } from 'prom-client'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { splitNames } from '../../dataset/sample-splits.ts'
import { batchFormats, streamFormats } from '../../encode/encoders.ts'
import { png } from '../../encode/png.ts'
import type { Histogram } from './recorder.ts'

/** The metrics as Prometheus reads them. Imported after the start, since the library takes a while to load. */

const { version } = createRequire(import.meta.url)('#package.json')

type Labels = Readonly<Record<string, string | number>>

interface Value {
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}

type Source = () => Iterable<Value> | Promise<Iterable<Value>>

const STATES = ['loading', 'ready', 'failed'] as const

export interface Exposition {
  readonly mediaType: string
  text (): Promise<string>
}

/** Also starts to measure the event loop and garbage collection. */
export function createExposition (app: FastifyInstance, datasets: DatasetRegistry): Exposition {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const add = (type: 'counter' | 'gauge' | 'histogram', name: string, help: string, values: Source): void => {
    const metric = { name, get: async () => ({ name, help, type, aggregator: 'sum', values: [...await values()] }) }
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0])
  }
  const counter = (name: string, help: string, values: Source): void => add('counter', name, help, values)
  const gauge = (name: string, help: string, values: Source): void => add('gauge', name, help, values)
  const single = (value: () => number): Source => () => [{ labels: {}, value: value() }]

  const { metrics, limits: { workMemory, workQueue, compressorMemory, compressedCache, orders, compute } } = app
  const responses = () => [...metrics.responses.values()].map(series => ({
    series, labels: { method: series.method, route: series.route, status_code: series.status }
  }))
  add('histogram', 'http_request_duration_seconds', 'Time from a request to the end of its response.', () => {
    return responses().flatMap(({ labels, series }) => {
      return bucketsOf('http_request_duration_seconds', labels, series.seconds)
    })
  })
  counter('http_response_bytes_total', 'Bytes sent, with headers.', () => {
    return responses().map(({ labels, series }) => ({ labels, value: series.bytes }))
  })
  counter('http_responses_aborted_total', 'Responses that a disconnect ended.', () => {
    return responses().map(({ labels, series }) => ({ labels, value: series.aborted }))
  })
  counter('http_malformed_requests_total', 'Requests that are not valid HTTP.', single(() => metrics.malformed))
  gauge('http_requests_in_flight', 'Requests in progress.', single(() => metrics.inFlight))
  gauge('http_bodies_in_flight', 'Responses that are being sent.', single(() => metrics.bodiesInFlight))
  gauge('http_stalled_readers', 'Responses whose client has stalled for 5 s.', single(() => {
    return metrics.stalled
  }))
  gauge('http_connections', 'Open connections.', async () => [{ labels: {}, value: await countConnections(app) }])
  counter('http_connections_refused_total', 'Connections beyond the total limit or that of an address.', () => {
    return Object.entries(metrics.refused).map(([limit, value]) => ({ labels: { limit }, value }))
  })

  counter('batch_server_samples_served_total', 'Samples in responses.', () => {
    const formats = [...new Set([...batchFormats, ...streamFormats, png].map(({ name }) => name))]
    for (const { entry: { name: dataset } } of datasets.states) {
      for (const split of splitNames) {
        for (const format of formats) metrics.addSamples({ dataset, split, format, count: 0 })
      }
    }
    return [...metrics.samples.values()].map(({ count, ...labels }) => ({ labels, value: count }))
  })
  add('histogram', 'batch_server_step_duration_seconds', 'Time in a step; encode includes gathering.', () => {
    return [...metrics.steps].flatMap(([step, histogram]) => {
      return bucketsOf('batch_server_step_duration_seconds', { step }, histogram)
    })
  })
  const caches = { compressed: compressedCache, orders }
  const perCache = (valueOf: (cache: typeof compressedCache | typeof orders) => number): Source => () => {
    return Object.entries(caches).map(([cache, values]) => ({ labels: { cache }, value: valueOf(values) }))
  }
  counter('batch_server_cache_hits_total', 'Values found in a cache.', perCache(({ hits }) => hits))
  counter('batch_server_cache_misses_total', 'Values computed for a cache.', perCache(({ misses }) => misses))
  gauge('batch_server_cache_bytes', 'Size of a cache.', perCache(({ bytes }) => bytes))
  gauge('batch_server_work_running', 'Expensive jobs running.', single(() => workQueue.running))
  gauge('batch_server_work_queued', 'Expensive jobs waiting.', single(() => workQueue.queued))
  gauge('batch_server_work_bytes', 'Memory held by expensive jobs.', single(() => workQueue.runningBytes))
  gauge('batch_server_work_limit_bytes', 'Memory for expensive jobs.', single(() => workMemory))
  counter('batch_server_work_rejected_total', 'Expensive jobs rejected.', single(() => workQueue.rejected))
  counter('batch_server_work_reclaimed_total', 'Results of paused clients that made room for others.', single(() => {
    return workQueue.reclaimed
  }))
  gauge('batch_server_compressor_bytes', 'Memory of the compressors of streams.', single(() => compressorMemory.bytes))
  counter('batch_server_compute_crashes_total', 'Compute threads that have crashed.', single(() => compute.crashes))
  if (app.certificate) {
    gauge('batch_server_certificate_expiry_timestamp_seconds', 'When the certificate for HTTPS expires.', single(() => {
      return app.certificate!.current.expires.getTime() / 1000
    }))
  }

  gauge('batch_server_dataset_state', 'Whether a dataset is in a state.', () => {
    return datasets.states.flatMap(({ entry, status }) => STATES.map(state => {
      return { labels: { dataset: entry.name, state }, value: Number(state === status) }
    }))
  })
  gauge('batch_server_dataset_info', 'The version of each dataset that is ready.', () => {
    return datasets.states.flatMap(state => state.status === 'ready'
      ? [{ labels: { dataset: state.entry.name, version: state.dataset.version }, value: 1 }]
      : [])
  })
  gauge('batch_server_build_info', 'The version of the service and of Node.js.', () => {
    return [{ labels: { version, node_version: process.version }, value: 1 }]
  })
  return { mediaType: registry.contentType, text: () => registry.metrics() }
}

function bucketsOf (name: string, labels: Labels, { bounds, counts, sum, count }: Histogram): Value[] {
  const summary = [
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count }
  ]
  // One bucket is enough for none, as there may be many such histograms.
  if (count === 0) return [{ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: 0 }, ...summary]
  let total = 0
  const buckets = counts.map((count, i) => {
    total += count
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[i] ?? '+Inf' }, value: total }
  })
  return [...buckets, ...summary]
}

async function countConnections ({ listeners }: FastifyInstance): Promise<number> {
  const counts = await Promise.all(listeners.map(server => new Promise<number>(resolve => {
    server.getConnections((error, count) => resolve(error ? 0 : count))
  })))
  return counts.reduce((sum, count) => sum + count, 0)
}
