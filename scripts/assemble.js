/** Writes what the WebAssembly text of src assembles to where the service imports it from. */
import { writeFileSync } from 'node:fs'
import { assembled } from './assembled.js'

writeFileSync(new URL('../src/encode/json/write-image.ts', import.meta.url), await assembled())
