/** The client side: PyTorch reading batches from the service with the Python client, beside local alternatives. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../scripts/lib/files.js'
import { idxFolder, idxNames } from '../scripts/lib/mnist.js'
import { startQuietService } from '../scripts/lib/server.js'
import { hasModules, withServers } from './alternatives.js'
import { startPython } from './python.js'
import { alternate } from './rounds.js'

/** Of the samples/s of torchvision's DataLoader. */
const MIN_RATIO = 20

export async function readWithPytorch ({ rounds, seconds }) {
  return await withServers(async use => {
    const { base } = await use(startQuietService())
    const root = torchvisionFolder()
    const contenders = {
      ours: startPython('torch_client.py', base),
      'torchvision, 0 workers': startPython('torch_loader.py', root, '0'),
      'torchvision, 2 workers': startPython('torch_loader.py', root, '2'),
      ...hasModules('datasets') && { 'Hugging Face datasets': startPython('hf_datasets.py', idxFolder) },
      'tensors in memory': startPython('torch_slices.py', idxFolder)
    }
    try {
      const { ours, ...theirs } = await alternate(contenders, rounds, async ({ measure }) => {
        return (await measure(seconds))['samples/s']
      })
      const title = 'cold epoch, samples read by PyTorch in shuffled batches of 128'
      return Object.entries(theirs).map(([alternative, theirs]) => {
        const minRatio = alternative.startsWith('torchvision') ? MIN_RATIO : undefined
        return { title, unit: 'samples/s', ours, alternative, theirs, minRatio }
      })
    } finally {
      for (const { stop } of Object.values(contenders)) await stop()
    }
  })
}

/** A folder with MNIST's files where torchvision expects them. */
export function torchvisionFolder () {
  const root = temporaryFolder('bench-torchvision')
  const raw = join(root, 'MNIST/raw')
  mkdirSync(raw, { recursive: true })
  for (const name of idxNames) copyFileSync(join(idxFolder, name), join(raw, name))
  return root
}
