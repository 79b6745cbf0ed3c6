import { readFileSync } from 'node:fs'
import wabt from 'wabt'

const source = new URL('../src/encode/json/write-image.wat', import.meta.url)

/** The TypeScript file that holds the WebAssembly module. */
export async function assembled () {
  const { parseWat } = await wabt()
  const module = parseWat('write-image.wat', readFileSync(source, 'utf8'), { simd: true })
  const { buffer } = module.toBinary({})
  const lines = Buffer.from(buffer).toString('base64').match(/.{1,120}/g)
  return [
    '/** What write-image.wat assembles to, made by `npm run assemble`. */',
    'export const writeImageModule = Buffer.from([',
    ...lines.map((line, i) => `  '${line}'${i < lines.length - 1 ? ',' : ''}`),
    "].join(''), 'base64')",
    ''
  ].join('\n')
}
