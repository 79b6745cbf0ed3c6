/** Python programs that measure. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { pythonClient } from '../test/clients/python.js'
import { programPath } from './alternatives.js'

/** A program that measures for as many seconds as each line of its input says, see programs/rates.py. */
export function startPython (program, ...args) {
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
