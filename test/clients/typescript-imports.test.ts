/** The source of the TypeScript client has no import cycle, imports of types included. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { root } from '../fixtures/root.ts'

const folder = fileURLToPath(new URL('clients/typescript/src', root))

/** The files that each file imports. */
const imports = new Map(readdirSync(folder).map(file => {
  const { importedFiles } = ts.preProcessFile(readFileSync(`${folder}/${file}`, 'utf8'), true, true)
  return [file, importedFiles.map(({ fileName }) => fileName.replace(/^\.\/(.*)\.js$/, '$1.ts'))] as const
}))

t.test('imports are found, including types, and all of them resolve', async t => {
  t.ok(imports.get('tfjs.ts')!.includes('options.ts'))
  t.same([...imports.values()].flat().filter(file => !imports.has(file)), [])
})

t.test('there are no import cycles', async t => {
  const done = new Set<string>()
  function follow (file: string, importers: readonly string[]): void {
    if (importers.includes(file)) t.fail(`cycle: ${[...importers, file].join(' → ')}`)
    else if (!done.has(file)) for (const imported of imports.get(file)!) follow(imported, [...importers, file])
    done.add(file)
  }
  for (const file of imports.keys()) follow(file, [])
  t.equal(done.size, imports.size)
})
