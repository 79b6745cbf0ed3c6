import type { DatasetEntry } from '../entry.ts'
import { cifar } from './cifar.ts'
import { emnist } from './emnist.ts'
import { fashionMnist } from './fashion-mnist.ts'
import { kmnist } from './kmnist.ts'
import { mnist } from './mnist.ts'
import { qmnist } from './qmnist.ts'

const entries: readonly DatasetEntry[] = [mnist, fashionMnist, kmnist, qmnist, ...emnist, ...cifar]

/** The supported datasets by name. */
export const catalogue: ReadonlyMap<string, DatasetEntry> = new Map(entries.map(entry => [entry.name, entry]))
