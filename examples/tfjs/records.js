/** The results of training runs, as examples/results/NAME.json: one run per set of options, as records.py has them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'

const folder = process.env.RESULTS_DIR || fileURLToPath(new URL('../results', import.meta.url))

export function printEpoch ({ val_accuracy: accuracy, seconds, loss, waiting }) {
  const numbers = `loss ${loss.toFixed(4)}, waiting ${waiting.toFixed(4)}`
  console.log(`val accuracy ${(100 * accuracy).toFixed(2)}%, ${seconds.toFixed(1)} s, ${numbers}`)
}

export function printResult (name, result) {
  console.log(`${name} ${JSON.stringify(result.options)}: test accuracy ${(100 * result.test_accuracy).toFixed(2)}%`)
}

export function saveResult (name, result) {
  const path = join(folder, `${name}.json`)
  const saved = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : []
  const others = saved.filter(({ options }) => !isDeepStrictEqual(options, result.options))
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, JSON.stringify([...others, result], null, 1) + '\n')
}
