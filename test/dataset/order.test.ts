import t from 'tap'
import { mix, sampleKey, shuffledOrder } from '../../src/dataset/order.ts'

t.test('mix is the finalizer of MurmurHash3', async t => {
  t.same([0, 1, 2, 0xffffffff].map(mix), [0, 0x514e28b7, 0x30f4c306, 0x81f16f39])
  t.equal(mix(-1), mix(0xffffffff), 'values are taken modulo 2³²')
})

t.test('the order of an epoch matches the documented vectors', async t => {
  const vectors: Array<[count: number, seed: number, epoch: number, order: string]> = [
    [10, 0, 0, '9 6 1 0 5 8 7 2 3 4'],
    [10, 0, 1, '3 7 9 8 6 4 1 0 2 5'],
    [10, 1, 0, '2 6 4 1 0 9 3 7 8 5'],
    [10, 42, 1, '7 3 9 0 4 6 5 2 1 8'],
    [10, 4294967295, 7, '0 6 4 3 2 5 1 8 9 7'],
    [48000, 42, 0, '30747 16710 36672 17277 47917 23423 43500 37114']
  ]
  for (const [count, seed, epoch, order] of vectors) {
    const found = shuffledOrder(count, seed, epoch).slice(0, order.split(' ').length)
    t.equal(found.join(' '), order, `${count} samples, seed ${seed}, epoch ${epoch}`)
  }
})

t.test('the order of an epoch is that of its keys, by another sorting algorithm', async t => {
  for (const [count, seed, epoch] of [[0, 3, 4], [1, 3, 4], [60000, 0xdeadbeef, 0xffffffff]] as const) {
    const key = sampleKey(seed, epoch)
    const keys = Array.from({ length: count }, (_, i) => key(i))
    t.equal(new Set(keys).size, count, 'no keys tie')
    const expected = Uint32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!)
    t.equal(Buffer.compare(Buffer.from(shuffledOrder(count, seed, epoch).buffer), Buffer.from(expected.buffer)), 0)
  }
})
