import { readFileSync } from 'node:fs'
import t from 'tap'
import { root } from './fixtures/root.ts'

const table = readFileSync(new URL('docs/faults.md', root), 'utf8')
const folders = ['test', 'clients/python/tests', 'clients/typescript/test'].join('|')
const row = new RegExp(`^\\| (.+) \\| .+ \\| \`((?:${folders})/[\\w/.-]+)\`: (.+) \\|$`, 'gm')
const rows = [...table.matchAll(row)]

/** The start of the titles of tests that are generated from a table of cases. */
const generated = 'interrupted body: '

t.test('every row of docs/faults.md names an existing test', async t => {
  t.ok(rows.length > 25)
  for (const [, fault, file, title] of rows) {
    const source = readFileSync(new URL(file!, root), 'utf8')
    if (file!.endsWith('.py')) {
      t.ok(source.includes(`def test_${title!.replaceAll(/\W+/g, '_')}(`), `${fault}: ${title}`)
      continue
    }
    const fragments = title!.startsWith(generated) ? [generated, `'${title!.slice(generated.length)}'`] : [`'${title}'`]
    t.ok(fragments.every(fragment => source.includes(fragment)), `${fault}: ${title}`)
  }
})
