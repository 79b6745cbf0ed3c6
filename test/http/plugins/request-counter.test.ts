import t from 'tap'
import { RequestCounter } from '../../../src/http/plugins/rate-limit.ts'

function createCounter (maxClients = 100) {
  const clock = { ms: 0 }
  const counter = new RequestCounter({ max: 3, windowMs: 60_000, maxClients, now: () => clock.ms })
  return { clock, counter }
}

t.test('each client has its own window, which begins with its first request', async t => {
  const { clock, counter } = createCounter()
  t.same(counter.count('a'), { remaining: 2, isExceeded: false, resetMs: 60_000 })
  clock.ms = 10_000
  t.same(counter.count('b'), { remaining: 2, isExceeded: false, resetMs: 60_000 })
  t.same(counter.count('a'), { remaining: 1, isExceeded: false, resetMs: 50_000 })
  t.same(counter.count('a'), { remaining: 0, isExceeded: false, resetMs: 50_000 })
  t.same(counter.count('a'), { remaining: 0, isExceeded: true, resetMs: 50_000 })
  clock.ms = 60_000
  t.same(counter.count('a'), { remaining: 2, isExceeded: false, resetMs: 60_000 })
  t.same(counter.count('b'), { remaining: 1, isExceeded: false, resetMs: 10_000 })
})

t.test('a client at its limit stays there, however many others come by', async t => {
  const { counter } = createCounter(100)
  for (let i = 0; i < 3; i++) counter.count('a')
  for (let i = 0; i < 14_000; i++) counter.count(`other ${i}`)
  t.equal(counter.count('a').isExceeded, true)
})

t.test('a limit of one request', async t => {
  const counter = new RequestCounter({ max: 1, windowMs: 1000, maxClients: 10 })
  t.same([1, 2].map(() => counter.count('a').isExceeded), [false, true])
})
