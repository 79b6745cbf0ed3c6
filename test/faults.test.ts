import { readFileSync } from 'node:fs'
import t from 'tap'
import { root } from './fixtures/root.ts'

const table = readFileSync(new URL('docs/faults.md', root), 'utf8')
const folders = ['test', 'clients/python/tests', 'clients/typescript/test', 'scripts', 'deploy/monitoring'].join('|')
const row = new RegExp(`^\\| (.+) \\| .+ \\| \`((?:${folders})/[\\w/.-]+)\`: (.+) \\|$`, 'gm')
const rows = [...table.matchAll(row)]

/** The starts of the titles of tests that are generated from a table of cases. */
const generated = [
  'interrupted body: ',
  'a crowd does not wait in line: ',
  'a failed dataset takes no replica out: '
]

t.test('every row of docs/faults.md names an existing test', async t => {
  t.ok(rows.length > 25)
  for (const [, fault, file, title] of rows) {
    const source = readFileSync(new URL(file!, root), 'utf8')
    if (file!.endsWith('.py')) {
      t.ok(source.includes(`def test_${title!.replaceAll(/\W+/g, '_')}(`), `${fault}: ${title}`)
      continue
    }
    if (file!.endsWith('.yml')) {
      t.ok(source.includes(`name: ${title}\n`), `${fault}: ${title}`)
      continue
    }
    const start = generated.find(start => title!.startsWith(start))
    const fragments = start ? [start, `'${title!.slice(start.length)}'`] : [`'${title}'`]
    t.ok(fragments.every(fragment => source.includes(fragment)), `${fault}: ${title}`)
  }
})
