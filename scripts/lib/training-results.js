/** What the training examples have achieved. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { confidence95, mean, standardDeviation } from './statistics.js'

/** Runs of all examples, with the `variant` that they belong to: the example and its options except the seed. */
export function readRuns (folder) {
  return readdirSync(folder).filter(name => name.endsWith('.json')).sort().flatMap(file => {
    const name = file.replace('.json', '')
    return JSON.parse(readFileSync(join(folder, file), 'utf8')).map(run => {
      const { model, augment } = run.options
      const details = [model?.toUpperCase(), augment && 'augmented'].filter(Boolean)
      return { ...run, name, variant: [name, ...details].join(', ') }
    })
  })
}

/** Prints accuracies, seconds per epoch and waiting times, and compares runs that differ by their augmentation only. */
export function summarize (folder) {
  const runs = readRuns(folder)
  const variants = {}
  for (const run of runs) (variants[run.variant] ??= []).push(run)
  console.table(Object.fromEntries(Object.entries(variants).map(([variant, runs]) => {
    const accuracies = runs.map(({ test_accuracy: accuracy }) => 100 * accuracy)
    const seconds = runs.flatMap(({ epochs = [] }) => epochs.map(({ seconds }) => seconds)).sort((a, b) => a - b)
    const waiting = runs.flatMap(({ waiting }) => waiting ?? [])
    return [variant, {
      runs: runs.length,
      'test accuracy %': mean(accuracies).toFixed(3),
      'standard deviation': runs.length > 1 ? standardDeviation(accuracies).toFixed(3) : '',
      'lowest and highest': `${Math.min(...accuracies).toFixed(2)} ${Math.max(...accuracies).toFixed(2)}`,
      'median s/epoch': seconds[seconds.length >> 1]?.toFixed(1) ?? '',
      'waiting %': waiting.length > 0 ? (100 * mean(waiting)).toFixed(2) : ''
    }]
  })))
  compareAugmentation(runs.filter(({ name }) => name === 'pytorch'))
}

/** By the differences between runs of the same seed, which begin with the same weights. */
function compareAugmentation (runs) {
  const differences = runs.filter(({ options }) => options.augment).flatMap(({ options, test_accuracy: accuracy }) => {
    const plain = runs.find(other => !other.options.augment && other.options.seed === options.seed)
    return plain ? [100 * (accuracy - plain.test_accuracy)] : []
  })
  if (differences.length < 2) return
  const [difference, half] = [mean(differences), confidence95(differences)]
  console.log(`augmentation changes the test accuracy of PyTorch by ${difference.toFixed(3)} percentage points, ` +
    `95 % confidence interval ${(difference - half).toFixed(3)} to ${(difference + half).toFixed(3)}, ` +
    `${differences.length} pairs of runs with the same seed: ${differences.map(each => each.toFixed(2)).join(', ')}`)
}
