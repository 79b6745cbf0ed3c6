import type { DatasetEntry } from '../entry.ts'
import { emnist } from './emnist.ts'
import { fashionMnist } from './fashion-mnist.ts'
import { kmnist } from './kmnist.ts'
import { mnist } from './mnist.ts'
import { qmnist } from './qmnist.ts'

/** Every dataset that this service knows, by name. */
export const catalogue: ReadonlyMap<string, DatasetEntry> = new Map([mnist, fashionMnist, kmnist, qmnist, ...emnist].map(entry => [entry.name, entry]))
