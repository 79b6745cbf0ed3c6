/** The client side: PyTorch reading batches from the service with the Python client, beside local alternatives. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { idxFolder, idxNames } from '../scripts/lib/mnist.js'
import { startQuietService } from '../scripts/lib/server.js'
import { pythonClient } from '../test/clients/python.js'
import { hasModules, programPath, withServers } from './alternatives.js'
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
      const { ours, ...theirs } = await alternate(contenders, rounds, ({ measure }) => measure(seconds))
      const title = 'cold epoch, samples read by PyTorch in shuffled batches of 128'
      return Object.entries(theirs).map(([alternative, theirs]) => {
        const minRatio = alternative.startsWith('torchvision') ? MIN_RATIO : undefined
        return { title, unit: 'samples/s', ours, alternative, theirs, minRatio }
      })
    } finally {
      for (const { stop } of Object.values(contenders)) await stop()
      rmSync(root, { recursive: true })
    }
  })
}

/** MNIST's files where torchvision expects them. */
function torchvisionFolder () {
  const root = mkdtempSync(join(tmpdir(), 'bench-torchvision-'))
  const raw = join(root, 'MNIST/raw')
  mkdirSync(raw, { recursive: true })
  for (const name of idxNames) copyFileSync(join(idxFolder, name), join(raw, name))
  return root
}

/** A program that measures for as many seconds as each line of its input says, and prints the result. */
function startPython (program, ...args) {
  const child = spawn('python3', [programPath(program), ...args], {
    env: { ...process.env, PYTHONPATH: pythonClient },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const lines = createInterface(child.stdout)
  const exit = once(child, 'exit')
  const failure = exit.then(([code]) => { throw new Error(`${program} ended with exit code ${code}`) })
  failure.catch(() => {})
  return {
    measure: async seconds => {
      child.stdin.write(`${seconds}\n`)
      const [line] = await Promise.race([once(lines, 'line'), failure])
      return JSON.parse(line)
    },
    stop: async () => {
      child.stdin.end()
      await exit
    }
  }
}
