import t from 'tap'
import { BufferPool } from '../../src/memory/buffer-pool.ts'
import { bytesOfChunk, releaseChunk } from '../../src/memory/chunk.ts'

const SIZE = 1 << 16

t.test('a released buffer is reused for the next chunk of its size', async t => {
  const pool = new BufferPool({ maxIdleBytes: 32 << 20 })
  const first = pool.pooledChunk(SIZE)
  first.release()
  t.equal(pool.pooledChunk(SIZE).bytes.buffer, first.bytes.buffer)
  t.not(pool.pooledChunk(SIZE).bytes.buffer, first.bytes.buffer, 'but not for two at a time')
  first.release()
  t.not(pool.pooledChunk(SIZE).bytes.buffer, first.bytes.buffer, 'nor after another call of release')
})

t.test('a chunk that is not released is left alone', async t => {
  const pool = new BufferPool({ maxIdleBytes: 32 << 20 })
  const held = pool.pooledChunk(SIZE)
  held.bytes.fill(1)
  for (let i = 0; i < 10; i++) {
    const other = pool.pooledChunk(SIZE)
    other.bytes.fill(2)
    other.release()
  }
  t.ok(held.bytes.every(byte => byte === 1))
})

t.test('chunks have the requested length, and small ones memory of their own', async t => {
  const pool = new BufferPool({ maxIdleBytes: 32 << 20 })
  for (const byteLength of [0, 1, 1000, SIZE - 1, SIZE, SIZE + 1]) {
    const chunk = pool.chunk(byteLength)
    t.equal(bytesOfChunk(chunk).byteLength, byteLength)
    t.equal(chunk instanceof Uint8Array, byteLength < SIZE, `${byteLength} bytes`)
    releaseChunk(chunk)
  }
})

t.test('idle buffers are bounded, and make room for other sizes', async t => {
  const pool = new BufferPool({ maxIdleBytes: 32 << 20 })
  const large = Array.from({ length: 20 }, () => pool.pooledChunk(8 << 20))
  for (const chunk of large) chunk.release()
  const known = new Set(large.map(({ bytes }) => bytes.buffer))
  const again = Array.from({ length: 20 }, () => pool.pooledChunk(8 << 20))
  t.equal(again.filter(({ bytes }) => known.has(bytes.buffer)).length, 4, '32 MiB are kept')
  for (const chunk of again) chunk.release()
  const other = pool.pooledChunk(1 << 20)
  other.release()
  t.equal(pool.pooledChunk(1 << 20).bytes.buffer, other.bytes.buffer)
})
