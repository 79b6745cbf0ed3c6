import { readFileSync } from 'node:fs'
import t from 'tap'
import { root } from './fixtures/root.ts'

const rows = [...readFileSync(new URL('docs/faults.md', root), 'utf8').matchAll(/^\| (.+) \| .+ \| `(test\/[\w/.-]+)`: (.+) \|$/gm)]

t.test('every fault in the table has a test of the name it says', async t => {
  t.ok(rows.length > 25)
  for (const [, fault, file, name] of rows) {
    const source = readFileSync(new URL(file!, root), 'utf8')
    // Some are made of a row of a table of cases and what they have in common.
    const [common, own] = name!.startsWith('a body that was cut is continued ') ? ['a body that was cut is continued ', name!.slice(33)] : ['', name!]
    t.ok(source.includes(`'${own}'`) && source.includes(common), `${fault}: ${name}`)
  }
})
