/** All comparisons. */
import { hasModules } from './alternatives.js'
import { augmentation, augmentations } from './augmentation.js'
import { bytesOfEpoch } from './bytes.js'
import { coldEpoch } from './cold-epochs.js'
import { fairness } from './fairness.js'
import { datasetSizes } from './growth.js'
import { limits } from './limits.js'
import { readWithPytorch } from './pytorch.js'
import { latency, notModified, repeatedUrls } from './repeated-urls.js'
import { curves, scalingCurve } from './scaling.js'
import { slowReaders } from './slow-readers.js'
import { measureStarts } from './start.js'
import { besideAugmentation, threadMemory, twoThreads } from './threads.js'

/** Group → comparison → its description, and a function of `{ rounds, seconds }` that returns rows of the table. */
export const groups = {
  cold: {
    'cold-natural': {
      description: 'natural float32 pages, each URL requested once, beside nginx',
      measure: options => coldEpoch('natural', 256, options)
    },
    'cold-shuffled': {
      description: 'the same with shuffled float32 pages',
      measure: options => coldEpoch('shuffled', 256, options)
    },
    'cold-raw': {
      description: 'the same with shuffled raw u8 pages',
      measure: options => coldEpoch('raw', 256, options)
    },
    pytorch: {
      description: 'PyTorch reading shuffled epochs, beside torchvision, Hugging Face datasets and tensors in memory',
      measure: options => hasModules('numpy', 'torch', 'torchvision') ? readWithPytorch(options) : []
    }
  },
  'cold-sizes': Object.fromEntries(['natural', 'shuffled', 'raw'].flatMap(name => [32, 1024].map(size => [
    `cold-${name}-${size}`,
    { description: `the same with ${name} pages of ${size}`, measure: options => coldEpoch(name, size, options) }
  ]))),
  limits: {
    limits: { description: 'copying memory, and Node.js sending a buffer over loopback', measure: limits }
  },
  augment: Object.fromEntries(Object.entries(augmentations).map(([name, strengths]) => [`augment-${name}`, {
    description: `PyTorch reading ${strengths}, beside torchvision and albumentations`,
    measure: options => augmentation(name, options)
  }])),
  repeated: {
    natural: {
      description: 'natural float32 pages, 16 URLs repeated, beside nginx and FastAPI',
      measure: options => repeatedUrls('natural', options)
    },
    shuffled: {
      description: 'shuffled float32 pages, 16 URLs repeated, beside nginx',
      measure: options => repeatedUrls('shuffled', options)
    },
    raw: {
      description: 'raw u8 pages, 16 URLs repeated, beside nginx',
      measure: options => repeatedUrls('raw', options)
    },
    json: {
      description: 'JSON pages, 16 URLs repeated, beside nginx and FastAPI',
      measure: options => repeatedUrls('json', options)
    },
    'not-modified': { description: '304 responses beside a bare Fastify route', measure: notModified }
  },
  process: {
    latency: { description: 'p50 and p99 with 1, 16 and 64 connections, 16 URLs repeated', measure: latency },
    start: { description: 'time to ready and memory at rest', measure: measureStarts },
    'slow-readers': { description: 'memory and latency with 500 slow readers', measure: slowReaders }
  },
  threads: {
    'two-threads': { description: 'expensive pages with two compute threads beside one', measure: twoThreads },
    'thread-memory': { description: 'memory of compute threads', measure: threadMemory },
    'beside-augmentation': {
      description: 'latency of natural pages while another client reads augmented batches',
      measure: besideAugmentation
    }
  },
  fairness: {
    fairness: { description: 'latency of others beside a hostile client, with and without limits', measure: fairness }
  },
  scaling: Object.fromEntries(Object.entries(curves).map(([name, { x, points }]) => [`scaling-${name}`, {
    description: `${x} from ${points[0]} to ${points.at(-1)}, shuffled float32 pages, each URL requested once`,
    measure: options => scalingCurve(name, options)
  }])),
  bytes: {
    bytes: { description: 'bytes of an epoch for each format, dtype and content coding', measure: bytesOfEpoch }
  },
  growth: {
    'dataset-sizes': { description: 'MNIST repeated up to ten times', measure: datasetSizes }
  }
}

export const comparisons = Object.assign({}, ...Object.values(groups))

/** The names of comparisons, given those of comparisons or groups. */
export function resolveNames (names) {
  return [...new Set(names.flatMap(name => {
    if (name in groups) return Object.keys(groups[name])
    if (name in comparisons) return [name]
    throw new Error(`there is no comparison or group '${name}'`)
  }))]
}
