import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { discard } from '../../src/memory/bytes.ts'

const MiB = 1 << 20

t.test('discard frees the memory of a large array', async t => {
  const before = process.memoryUsage.rss()
  const bytes = Buffer.allocUnsafeSlow(256 * MiB).fill(1)
  t.ok(process.memoryUsage.rss() - before > 200 * MiB)
  discard(bytes)
  t.equal(bytes.length, 0)
  const isHeld = (): boolean => process.memoryUsage.rss() - before > 56 * MiB
  for (let turn = 0; turn < 1000 && isHeld(); turn++) await nextTurn()
  t.notOk(isHeld())
  discard(bytes)
})

t.test('discard leaves arrays that may share a buffer', async t => {
  const pooled = Buffer.from('pooled')
  discard(pooled)
  t.equal(pooled.toString(), 'pooled')
  const shared = new Uint8Array(new SharedArrayBuffer(2 * MiB))
  discard(shared)
  t.equal(shared.length, 2 * MiB)
})
