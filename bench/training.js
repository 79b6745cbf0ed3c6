/** The client side: PyTorch reading batches from the service, beside torchvision's MNIST in a DataLoader. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { idxFolder, idxNames } from '../scripts/lib/mnist.js'
import { startQuietService } from '../scripts/lib/server.js'
import { programPath, withServers } from './alternatives.js'
import { alternate } from './rounds.js'

const MIN_RATIO = 10

export async function training ({ rounds, seconds }) {
  return await withServers(async use => {
    const { base } = await use(startQuietService())
    const root = torchvisionFolder()
    const { hostname, port } = new URL(base)
    const contenders = {
      ours: startPython('torch_client.py', hostname, port),
      'torchvision, 0 workers': startPython('torch_loader.py', root, '0'),
      'torchvision, 2 workers': startPython('torch_loader.py', root, '2')
    }
    try {
      const { ours, ...theirs } = await alternate(contenders, rounds, ({ measure }) => measure(seconds))
      const title = 'cold epoch, samples read by PyTorch in shuffled batches of 128'
      return Object.entries(theirs).map(([alternative, theirs]) => {
        return { title, unit: 'samples/s', ours, alternative, theirs, minRatio: MIN_RATIO }
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
  const child = spawn('python3', [programPath(program), ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
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
