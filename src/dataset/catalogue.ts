import type { DatasetEntry } from './entry.ts'
import { emnist } from './catalogue/emnist.ts'
import { fashionMnist } from './catalogue/fashion-mnist.ts'
import { kmnist } from './catalogue/kmnist.ts'
import { mnist } from './catalogue/mnist.ts'
import { qmnist } from './catalogue/qmnist.ts'

/** Every dataset that this service knows, by name. */
export const catalogue: ReadonlyMap<string, DatasetEntry> = new Map([mnist, fashionMnist, kmnist, qmnist, ...emnist].map(entry => [entry.name, entry]))
