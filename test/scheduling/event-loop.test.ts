import t, { type Test } from 'tap'
import { concatInSlices } from '../../src/memory/bytes.ts'
import { inTimeSlices, TIME_SLICE_MS, requireInSteps } from '../../src/scheduling/event-loop.ts'

/** Counts the turns of the event loop until the end of the test. */
function countTurns (t: Test): () => number {
  let turns = 0
  let pending = setImmediate(function count () {
    turns++
    pending = setImmediate(count)
  })
  t.teardown(() => clearImmediate(pending))
  return () => turns
}

/** Keeps the thread busy for longer than a time slice. */
function work (): void {
  for (const end = performance.now() + TIME_SLICE_MS + 1; performance.now() < end;);
}

t.test('long computations yield between time slices', async t => {
  const turns = countTurns(t)
  const ranges: Array<[start: number, end: number, turn: number]> = []
  await inTimeSlices(5, 2, (start, end) => {
    work()
    ranges.push([start, end, turns()])
  })
  t.same(ranges.map(([start, end]) => [start, end]), [[0, 2], [2, 4], [4, 5]])
  t.equal(new Set(ranges.map(([, , turn]) => turn)).size, 3, 'each range in a turn of its own')
})

t.test('chunks are joined in order', async t => {
  t.same(await concatInSlices([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]), Buffer.of(1, 2, 3))
  t.equal((await concatInSlices([])).length, 0)
})

t.test('a package is loaded in several turns, and steps that it lacks are left out', async t => {
  const turns = countTurns(t)
  await requireInSteps(['apache-arrow/enum', 'apache-arrow/not-there', 'undici/not-there'])
  t.ok(turns() >= 3)
  await t.rejects(requireInSteps(['node:not-there']), { code: 'ERR_UNKNOWN_BUILTIN_MODULE' })
})
