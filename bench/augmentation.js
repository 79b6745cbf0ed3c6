/**
 * Augmented batches in a PyTorch process: from the service with the Python client, beside transforms of torchvision and
 * of albumentations in a DataLoader, at the same strengths. CPU time is that of all processes, clients and servers.
 */
import { cpuSeconds, startQuietService } from '../scripts/lib/server.js'
import { hasModules, withServers } from './alternatives.js'
import { startPython } from './python.js'
import { torchvisionFolder } from './pytorch.js'
import { alternate } from './rounds.js'

/** The same as in programs/augmented_loader.py. */
export const augmentations = {
  affine: 'rotate:15,shift:2,scale:0.1',
  elastic: 'elastic:34',
  noise: 'noise:10',
  all: 'rotate:15,shift:2,scale:0.1,elastic:34,noise:10,cutout:8'
}

/** Bounds of the ratios, for affine and elastic. */
const MIN_RATE = { 'torchvision, 2 workers': 20 }
const MAX_CPU = { 'albumentations, 0 workers': 0.5 }

export async function augmentation (name, { rounds, seconds }) {
  if (!hasModules('numpy', 'torch', 'torchvision')) return []
  return await withServers(async use => {
    const service = await use(startQuietService())
    const contenders = await startContenders(name, service, torchvisionFolder(), use)
    const results = await alternate(contenders, rounds, measure => measure(seconds))
    return toRows(name, results)
  })
}

/** Contender → measures samples per second, and CPU seconds per million samples. */
async function startContenders (name, { base, pid }, root, use) {
  const client = await use(startPython('torch_client.py', base, augmentations[name]))
  const contenders = {
    ours: async seconds => {
      const before = cpuSeconds(pid)
      const measured = await client.measure(seconds)
      return summary({ ...measured, 'cpu s': measured['cpu s'] + cpuSeconds(pid) - before })
    }
  }
  const peers = [['torchvision', 0], ['torchvision', 2]]
  if (hasModules('albumentations')) peers.push(['albumentations', 0])
  for (const [library, workers] of peers) {
    const loader = await use(startPython('augmented_loader.py', root, library, name, String(workers)))
    contenders[`${library}, ${workers} workers`] = async seconds => summary(await loader.measure(seconds))
  }
  return contenders
}

function summary ({ samples, 'samples/s': rate, 'cpu s': cpu }) {
  return { rate, cpu: cpu / samples * 1e6 }
}

function toRows (name, { ours, ...peers }) {
  const isBounded = name === 'affine' || name === 'elastic'
  const title = `augmented samples in batches of 128, ${name === 'all' ? 'all six' : name}`
  const rate = { title, unit: 'samples/s', ours: ours.map(({ rate }) => rate) }
  const cpu = { title, unit: 'CPU s per million samples', ours: ours.map(({ cpu }) => cpu) }
  return Object.entries(peers).flatMap(([alternative, theirs]) => [
    {
      ...rate,
      alternative,
      theirs: theirs.map(({ rate }) => rate),
      minRatio: isBounded ? MIN_RATE[alternative] : undefined
    },
    {
      ...cpu,
      alternative,
      theirs: theirs.map(({ cpu }) => cpu),
      maxRatio: isBounded ? MAX_CPU[alternative] : undefined
    }
  ])
}
