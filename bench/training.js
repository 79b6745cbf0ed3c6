/** The client's side: PyTorch pulling our batches beside torchvision's MNIST through a DataLoader. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { idxFolder } from './idx.js'
import { inTurns } from './rounds.js'
import { compare } from './throughput.js'

export async function training ({ ours, rounds, seconds }) {
  const root = torchvisionFolder()
  const { hostname, port } = new URL(ours.base)
  const contenders = {
    ours: python('torch_client.py', hostname, port),
    'torchvision, 0 workers': python('torch_loader.py', root, '0'),
    'torchvision, 2 workers': python('torch_loader.py', root, '2')
  }
  try {
    const results = await inTurns(contenders, rounds, measure => measure.ask(seconds))
    return compare('PyTorch, shuffled batches of 128', 'samples/s', results, { 'torchvision, 0 workers': 10, 'torchvision, 2 workers': 10 })
  } finally {
    for (const { end } of Object.values(contenders)) end()
    rmSync(root, { recursive: true })
  }
}

/** MNIST's files where torchvision looks for them. */
function torchvisionFolder () {
  const root = mkdtempSync(join(tmpdir(), 'bench-torchvision-'))
  const raw = join(root, 'MNIST/raw')
  mkdirSync(raw, { recursive: true })
  for (const name of readdirSync(idxFolder)) copyFileSync(join(idxFolder, name), join(raw, name))
  return root
}

/** A program that stays, and measures each time that it is asked. */
function python (program, ...args) {
  const child = spawn('python3', [fileURLToPath(new URL(program, import.meta.url)), ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const ended = once(child, 'exit').then(([code]) => { throw new Error(`${program} ended with exit code ${code}`) })
  ended.catch(() => {})
  return {
    ask: async seconds => {
      child.stdin.write(`${seconds}\n`)
      const [line] = await Promise.race([once(lines, 'line'), ended])
      return JSON.parse(line)
    },
    end: () => child.stdin.end()
  }
}
