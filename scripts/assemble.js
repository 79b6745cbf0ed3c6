/** Assembles src/encode/json/write-image.wat into write-image.ts. */
import { writeFileSync } from 'node:fs'
import { assembled } from './assembled.js'

writeFileSync(new URL('../src/encode/json/write-image.ts', import.meta.url), await assembled())
