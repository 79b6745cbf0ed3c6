import type { Body } from '../../encode/format.ts'
import { bufferPool } from '../../memory/buffer-pool.ts'
import {
  bytesOfChunk, pauseAfter, pendingChunk, releaseChunk, type Chunk, type PooledChunk
} from '../../memory/chunk.ts'
import { TIME_SLICE_MS, yieldToEventLoop } from '../../scheduling/event-loop.ts'
import type { Permit } from '../../scheduling/work-queue.ts'

export interface Computation {
  /** @param isResumed whether it was computed before */
  acquire (isResumed: boolean): Promise<Permit>
  /**
   * Computes the same bytes each time.
   *
   * @param releaseWhenSent releases a chunk once all bytes were pulled or the memory is reclaimed
   */
  compute (permit: Permit, releaseWhenSent: (chunk: PooledChunk) => void): Promise<Body>
}

/** Milliseconds that a client may pause before its memory is reclaimed; doubles each time, so that slow ones get on. */
const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 1000

/** Larger chunks are sent as copies of this size, since a socket pins the whole of a chunk until its end is read. */
const MAX_PINNED_BYTES = 1 << 19
const COPY_BYTES = 1 << 16

/**
 * A body whose memory others may reclaim while its client pauses. Then it is computed again, and goes on from the byte
 * that the client gets next.
 */
export class ReclaimableBody {
  readonly #computation: Computation
  #body: Body = { chunks: [] }
  #source: Iterator<Chunk> | undefined
  #permit: Permit | undefined
  readonly #held = new Set<PooledChunk>()
  /** The rest of a chunk of which bytes were pulled before the memory was reclaimed. */
  #rest: PooledChunk | undefined
  #pulledBytes = 0
  #pauseMs = FIRST_PAUSE_MS
  #isClosed = false

  private constructor (computation: Computation) {
    this.#computation = computation
  }

  /** Computes a body. It ends with its last chunk, or with `close`. */
  static async compute (computation: Computation): Promise<ReclaimableBody> {
    const body = new ReclaimableBody(computation)
    await body.#compute(false)
    return body
  }

  get byteLength (): number | undefined { return this.#body.byteLength }
  get minByteLength (): number | undefined { return this.#body.minByteLength }

  /** A socket pins what it was given, even if the memory is reclaimed. */
  readonly firstWriteBytes = MAX_PINNED_BYTES

  get chunks (): Iterable<Chunk> { return this.#pull() }

  /** Releases the memory of a body that is not read any further. */
  close (): void {
    this.#isClosed = true
    this.#drop()
    this.#permit?.release()
  }

  * #pull (): Generator<Chunk> {
    while (!this.#isClosed) {
      if (!this.#source) {
        yield pendingChunk(this.#compute(true))
        continue
      }
      const chunk = this.#next()
      if (chunk === undefined) break
      this.#permit!.use()
      if (bytesOfChunk(chunk).length > MAX_PINNED_BYTES) {
        yield * this.#copies(chunk)
        continue
      }
      // The consumer releases it from now on.
      if (!(chunk instanceof Uint8Array)) this.#held.delete(chunk)
      this.#pulledBytes += bytesOfChunk(chunk).length
      if (this.#pulledBytes === this.byteLength) this.close()
      yield chunk
    }
    this.close()
  }

  #next (): Chunk | undefined {
    const rest = this.#rest
    this.#rest = undefined
    if (rest) return rest
    const { value, done } = this.#source!.next()
    return done ? undefined : value
  }

  /** Copies of a large chunk, until the memory is reclaimed. */
  * #copies (chunk: Chunk): Generator<Chunk> {
    const bytes = bytesOfChunk(chunk)
    const source = this.#source
    if (!(chunk instanceof Uint8Array)) this.#held.add(chunk)
    for (let start = 0; start < bytes.length && this.#source === source; start += COPY_BYTES) {
      const part = bytes.subarray(start, start + COPY_BYTES)
      const copy = bufferPool.chunk(part.length)
      bytesOfChunk(copy).set(part)
      this.#permit!.use()
      this.#pulledBytes += part.length
      yield copy
    }
    if (this.#source === source && !(chunk instanceof Uint8Array)) {
      this.#held.delete(chunk)
      releaseChunk(chunk)
    }
  }

  async #compute (isResumed: boolean): Promise<void> {
    const { acquire, compute } = this.#computation
    const permit = await acquire(isResumed)
    try {
      this.#body = await compute(permit, chunk => this.#held.add(chunk))
      const source = this.#body.chunks[Symbol.iterator]()
      await this.#skip(source)
      this.#source = source
    } catch (error) {
      this.#drop()
      permit.release()
      throw error
    }
    this.#permit = permit
    if (this.#isClosed) this.close()
    else permit.lend(() => this.#drop(), this.#pauseMs)
    this.#pauseMs = Math.min(LAST_PAUSE_MS, 2 * this.#pauseMs)
  }

  /** Passes over what was pulled before. */
  async #skip (source: Iterator<Chunk>): Promise<void> {
    let sliceEnd = performance.now() + TIME_SLICE_MS
    for (let left = this.#pulledBytes; left > 0;) {
      const { value: chunk, done } = source.next()
      if (done) throw new RangeError('the body is shorter than before')
      const bytes = bytesOfChunk(chunk)
      if (bytes.length > left) {
        this.#rest = { bytes: bytes.subarray(left), release: () => releaseChunk(chunk) }
        if (!(chunk instanceof Uint8Array) && this.#held.delete(chunk)) this.#held.add(this.#rest)
        return
      }
      left -= bytes.length
      if (!(chunk instanceof Uint8Array)) this.#held.delete(chunk)
      releaseChunk(chunk)
      await pauseAfter(chunk)
      if (performance.now() < sliceEnd) continue
      await yieldToEventLoop()
      sliceEnd = performance.now() + TIME_SLICE_MS
    }
  }

  #drop (): void {
    this.#source?.return?.()
    this.#source = undefined
    this.#rest = undefined
    this.#held.forEach(releaseChunk)
    this.#held.clear()
  }
}
