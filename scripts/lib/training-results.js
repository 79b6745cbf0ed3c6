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
      const details = [model?.toUpperCase(), name === 'pytorch' && augment && 'augmented'].filter(Boolean)
      return { ...run, name, variant: [name, ...details].join(', ') }
    })
  })
}

/** One row per variant. Other work slows epochs down, so the fastest one tells most about the machine. */
export function summarize (runs) {
  return [...new Set(runs.map(({ variant }) => variant))].map(variant => {
    const own = runs.filter(run => run.variant === variant)
    const accuracies = own.map(({ test_accuracy: accuracy }) => accuracy)
    // scikit-learn has no epochs, but models to select from.
    const epochs = own.flatMap(({ epochs }) => epochs).filter(({ loss }) => loss !== undefined)
    const seconds = epochs.map(({ seconds }) => seconds)
    const waiting = own.flatMap(({ waiting, epochs }) => waiting ?? epochs.at(-1).waiting ?? [])
    return {
      variant,
      runs: own.length,
      epochs: epochs.length / own.length,
      accuracy: mean(accuracies),
      deviation: standardDeviation(accuracies),
      lowest: Math.min(...accuracies),
      highest: Math.max(...accuracies),
      seconds: Math.min(...seconds),
      waiting: waiting.length > 0 ? mean(waiting) : undefined
    }
  })
}

/**
 * The effect of augmentation on the test accuracy: differences between runs of the same seed, which begin with the same
 * weights.
 *
 * @returns mean and 95 % confidence interval; undefined if there are fewer than two pairs
 */
export function compareAugmentation (runs) {
  const differences = runs.filter(({ options }) => options.augment).flatMap(({ name, options, ...augmented }) => {
    const plain = runs.find(run => run.name === name && !run.options.augment && run.options.seed === options.seed)
    return plain ? [augmented.test_accuracy - plain.test_accuracy] : []
  })
  if (differences.length < 2) return undefined
  const [difference, half] = [mean(differences), confidence95(differences)]
  return { pairs: differences.length, difference, from: difference - half, to: difference + half }
}
