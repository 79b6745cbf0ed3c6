/** Compiles assembly/ and src/encode/json/write-image.wat into the modules of src. */
import { writeFileSync } from 'node:fs'
import { compileKernel, kernels } from '../kernels.js'

for (const kernel of kernels) {
  writeFileSync(new URL(`../../${kernel.file}`, import.meta.url), await compileKernel(kernel))
}
