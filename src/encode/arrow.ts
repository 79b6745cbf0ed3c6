import { createRequire } from 'node:module'
import type { Data, Field } from 'apache-arrow'
import { byteLength, piecesOf, type Body } from './body.ts'
import { asBytes } from '../io/bytes.ts'
import type { BatchFormat, BatchMetadata, Page, StreamFormat } from './format.ts'
import { elements } from './shape.ts'
import { tensorsOf, type WireTensor } from './tensors.ts'

/**
 * The Arrow IPC stream (arrow.apache.org/docs/format/Columnar.html, "IPC Streaming Format"):
 *
 *     schema         columns images, labels, ids and mask; metadata maps strings to strings
 *     record batch   one a page: its own metadata, then each column's values, a view, padded to a multiple of 8
 *     end of stream  FF FF FF FF 00 00 00 00
 *
 * each but the last as FF FF FF FF, i32 length of a FlatBuffers message, the message, its body.
 */
export const arrow: BatchFormat & StreamFormat = {
  name: 'arrow',
  mediaType: 'application/vnd.apache.arrow.stream',
  encode (batch, metadata) {
    const writer = newPageWriter(metadata)
    const { bytes, parts } = writer.page({ batch, metadata })
    const end = writer.end()
    return { bytes: bytes + byteLength(end), parts: [...parts, ...end] }
  },
  startStream (shared) {
    const writer = newPageWriter(shared)
    return { page: page => piecesOf(writer.page(page).parts), end: writer.end }
  }
}

/**
 * Stands for data that is yet to be made: the library wants to see a column at once, but only how many bytes it has. Memory
 * that nobody touches is never given.
 */
let standIn = new ArrayBuffer(0)

type Library = typeof import('apache-arrow')

let library: Library | undefined

/** The library, which takes long to load: a server that starts does so without it. */
export function loadArrow (): Library {
  return (library ??= createRequire(import.meta.url)('apache-arrow') as Library)
}

function newPageWriter (shared: BatchMetadata): { page: (page: Page) => Required<Body>, end: () => Uint8Array[] } {
  const { RecordBatch, Schema, Struct, makeData } = loadArrow()
  const writer = newPartsWriter()
  return {
    page ({ batch, metadata }) {
      const tensors = tensorsOf(batch)
      const largest = Math.max(...tensors.map(({ bytes }) => bytes))
      if (standIn.byteLength < largest) standIn = new ArrayBuffer(largest)
      const columns = tensors.map(encodeColumn)
      const fields = columns.map(({ field }) => field)
      const rows = makeData({ type: new Struct(fields), length: batch.ids.shape[0]!, nullCount: 0, children: columns.map(({ data }) => data) })
      const own = Object.entries(metadata).filter(([key]) => !(key in shared))
      writer.write(new RecordBatch(new Schema(fields, texts(Object.entries(shared))), rows, texts(own)))
      const parts = writer.take()
      const toBeMade = tensors.map(({ part }) => part).filter(part => typeof part === 'function')
      return { bytes: byteLength(parts), parts: parts.map(part => part.buffer === standIn ? toBeMade.shift()! : part) }
    },
    end () {
      writer.finish()
      return writer.take()
    }
  }
}

function texts (entries: ReadonlyArray<[key: string, value: unknown]>): Map<string, string> {
  return new Map(entries.map(([key, value]) => [key, String(value)]))
}

/**
 * A tensor of one dimension is a column of numbers. One of more is a column of lists, which the canonical extension type
 * `arrow.fixed_shape_tensor` (…/format/CanonicalExtensions.html) makes tensors of.
 */
function encodeColumn (tensor: WireTensor): { field: Field, data: Data } {
  const { Field, FixedSizeList, makeData } = loadArrow()
  const { name, shape: [count, ...shape] } = tensor
  const numbers = encodeNumbers(tensor)
  if (shape.length === 0) return { field: new Field(name, numbers.type, false), data: numbers }

  const size = elements(shape)
  const lists = new FixedSizeList(size, new Field('item', numbers.type, false))
  const extension = new Map([['ARROW:extension:name', 'arrow.fixed_shape_tensor'], ['ARROW:extension:metadata', JSON.stringify({ shape })]])
  return {
    field: new Field(name, lists, false, extension),
    data: makeData({ type: lists, length: count!, nullCount: 0, child: numbers })
  }
}

function encodeNumbers ({ shape, dtype, part }: WireTensor): Data {
  const { Float16, Float32, Int32, Int64, Uint8, makeData } = loadArrow()
  const { buffer, byteOffset } = typeof part === 'function' ? { buffer: standIn, byteOffset: 0 } : part
  const length = elements(shape)
  switch (dtype) {
    case 'float32': return makeData({ type: new Float32(), data: new Float32Array(buffer, byteOffset, length) })
    case 'float16': return makeData({ type: new Float16(), data: new Uint16Array(buffer, byteOffset, length) })
    case 'uint8': return makeData({ type: new Uint8(), data: new Uint8Array(buffer, byteOffset, length) })
    case 'int32': return makeData({ type: new Int32(), data: new Int32Array(buffer, byteOffset, length) })
    case 'int64': return makeData({ type: new Int64(), data: new BigInt64Array(buffer, byteOffset, length) })
  }
}

interface PartsWriter extends InstanceType<Library['RecordBatchStreamWriter']> {
  /** The parts since it was called last. */
  take (): Uint8Array[]
}

let Writer: (new () => PartsWriter) | undefined

/**
 * Keeps what is written to it, as parts: each column's values as they are, and what stands between them, which comes in
 * pieces of a few bytes, put together.
 */
function newPartsWriter (): PartsWriter {
  return new (Writer ??= partsWriter())()
}

function partsWriter (): new () => PartsWriter {
  return class extends loadArrow().RecordBatchStreamWriter {
    #parts: Uint8Array[] = []
    #framing: Uint8Array[] = []

    take (): Uint8Array[] {
      this.#endFraming()
      const parts = this.#parts
      this.#parts = []
      return parts
    }

    protected override _write (piece: ArrayBufferView): this {
      this.#framing.push(asBytes(piece))
      return this
    }

    protected override _writeBodyBuffers (buffers: ArrayBufferView[]): this {
      for (const buffer of buffers.filter(({ byteLength }) => byteLength > 0)) {
        this.#endFraming()
        this.#parts.push(asBytes(buffer))
        this._writePadding(-buffer.byteLength & 7)
      }
      return this
    }

    #endFraming (): void {
      if (this.#framing.length > 0) this.#parts.push(Buffer.concat(this.#framing))
      this.#framing = []
    }
  }
}
