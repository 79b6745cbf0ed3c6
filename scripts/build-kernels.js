/** Compiles assembly/ into src/batch/augment/augment-module.ts. */
import { writeFileSync } from 'node:fs'
import { compileKernels } from './kernels.js'

writeFileSync(new URL('../src/batch/augment/augment-module.ts', import.meta.url), await compileKernels())
