import t from 'tap'
import { assertWebAssembly } from '../../src/config/resources.ts'

function limits (addressSpace: string): string {
  return `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              1                    1                    seconds
Max address space         ${addressSpace.padEnd(20)} unlimited            bytes
Max file locks            1                    1                    locks
`
}

t.test('a process needs WebAssembly and address space', async t => {
  for (const text of ['', limits('unlimited'), limits(String(2 ** 40))]) t.doesNotThrow(() => assertWebAssembly(text))
  t.throws(() => assertWebAssembly(limits('4096000000')), {
    code: 'invalid_configuration',
    message: /^the address space is limited to 4096000000 bytes \(ulimit -v\), [^\n]*$/
  })
})
