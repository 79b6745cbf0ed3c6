import { createRequire } from 'node:module'
import type { Data, Field } from 'apache-arrow'
import type { Batch } from '../batch/batch.ts'
import { countElements } from '../batch/tensor.ts'
import { asBytes } from '../memory/bytes.ts'
import type { Chunk } from '../memory/chunk.ts'
import { requireInSteps } from '../scheduling/event-loop.ts'
import { sumByteLengths, type BatchFormat, type BatchMetadata, type Page, type StreamFormat } from './format.ts'
import { namedTensors, type NamedTensor } from './tensors.ts'

/**
 * The Arrow IPC stream (arrow.apache.org/docs/format/Columnar.html, "IPC Streaming Format"):
 *
 *     schema         columns images, labels, ids and mask; metadata maps strings to strings
 *     record batch   one per page: its own metadata, then each column's values, padded to a multiple of 8 bytes
 *     end of stream  FF FF FF FF 00 00 00 00
 *
 * The first two are FF FF FF FF, i32 length of a FlatBuffers message, the message, its body.
 */
export const arrow: BatchFormat & StreamFormat = {
  name: 'arrow',
  mediaType: 'application/vnd.apache.arrow.stream',
  // What every reader accepts, and the stand-in for the elements may reserve.
  maxBytes: 2 ** 31 - 1,
  encode (batch, metadata) {
    const writer = createPageWriter(metadata)
    const page = writer.page({ batch, metadata })
    const end = writer.end()
    return { byteLength: page.byteLength + end.byteLength, chunks: concatenate(page.chunksOf(batch), [end]) }
  },
  startStream (shared) {
    const writer = createPageWriter(shared)
    return { page: page => writer.page(page).chunksOf, end: () => [writer.end()] }
  }
}

function * concatenate (...parts: Array<Iterable<Chunk>>): Generator<Chunk> {
  for (const chunks of parts) yield * chunks
}

type Library = typeof import('apache-arrow')

let library: Library | undefined

/** Loaded on first use, since that takes long and a starting server does not need it. */
export function loadArrow (): Library {
  return (library ??= createRequire(import.meta.url)('apache-arrow') as Library)
}

/** The same before it is needed, yielding to the event loop. */
export async function preloadArrow (): Promise<void> {
  const steps = ['enum', 'util/vector', 'type', 'vector', 'builder', 'table', 'ipc/reader']
  await requireInSteps(steps.map(name => `apache-arrow/${name}`))
  loadArrow()
}

/**
 * Stands in for the elements of all tensors while the library frames them: it needs to know their length only, and the
 * system provides no memory for a buffer that is never touched.
 */
let standIn = new ArrayBuffer(0)

interface PageWriter {
  page (page: Page): { readonly byteLength: number, readonly chunksOf: (batch: Batch) => Iterable<Chunk> }
  end (): Uint8Array
}

function createPageWriter (shared: BatchMetadata): PageWriter {
  const { RecordBatch, Schema, Struct, makeData } = loadArrow()
  const writer = createFramingWriter()
  return {
    page ({ batch, metadata }) {
      const tensors = namedTensors(batch)
      const longest = Math.max(...tensors.map(({ byteLength }) => byteLength))
      if (standIn.byteLength < longest) standIn = new ArrayBuffer(longest)
      const columns = tensors.map(encodeColumn)
      const fields = columns.map(({ field }) => field)
      const children = columns.map(({ data }) => data)
      const rows = makeData({ type: new Struct(fields), length: batch.ids.shape[0]!, nullCount: 0, children })
      const own = Object.entries(metadata).filter(([key]) => !(key in shared))
      writer.write(new RecordBatch(new Schema(fields, stringMap(Object.entries(shared))), rows, stringMap(own)))
      const framed = writer.take()
      const frame = framed.map(bytes => bytes.buffer === standIn ? ELEMENTS : bytes)
      return {
        byteLength: sumByteLengths(framed),
        chunksOf: batch => concatenate(...fillFrame(frame, namedTensors(batch)))
      }
    },
    end () {
      writer.finish()
      return Buffer.concat(writer.take())
    }
  }
}

/** The place of the elements of a tensor in a frame. */
const ELEMENTS = Symbol('elements')

function fillFrame (
  frame: ReadonlyArray<Uint8Array | typeof ELEMENTS>,
  tensors: readonly NamedTensor[]
): Array<Iterable<Chunk>> {
  const columns = tensors.filter(({ byteLength }) => byteLength > 0).values()
  return frame.map(bytes => bytes === ELEMENTS ? columns.next().value!.chunks : [bytes])
}

function stringMap (entries: ReadonlyArray<[key: string, value: unknown]>): Map<string, string> {
  return new Map(entries.map(([key, value]) => [key, String(value)]))
}

/**
 * A tensor of one dimension is a column of numbers. One of more dimensions is a column of lists with the canonical
 * extension type `arrow.fixed_shape_tensor` (arrow.apache.org/docs/format/CanonicalExtensions.html).
 */
function encodeColumn (tensor: NamedTensor): { field: Field, data: Data } {
  const { Field, FixedSizeList, makeData } = loadArrow()
  const { name, shape: [count, ...shape] } = tensor
  const numbers = encodeNumbers(tensor)
  if (shape.length === 0) return { field: new Field(name, numbers.type, false), data: numbers }

  const lists = new FixedSizeList(countElements(shape), new Field('item', numbers.type, false))
  const extension = new Map([
    ['ARROW:extension:name', 'arrow.fixed_shape_tensor'],
    ['ARROW:extension:metadata', JSON.stringify({ shape })]
  ])
  return {
    field: new Field(name, lists, false, extension),
    data: makeData({ type: lists, length: count!, nullCount: 0, child: numbers })
  }
}

function encodeNumbers ({ shape, dtype }: NamedTensor): Data {
  const { Float16, Float32, Int32, Int64, Uint8, makeData } = loadArrow()
  const length = countElements(shape)
  switch (dtype) {
    case 'float32': return makeData({ type: new Float32(), data: new Float32Array(standIn, 0, length) })
    case 'float16': return makeData({ type: new Float16(), data: new Uint16Array(standIn, 0, length) })
    case 'uint8': return makeData({ type: new Uint8(), data: new Uint8Array(standIn, 0, length) })
    case 'int32': return makeData({ type: new Int32(), data: new Int32Array(standIn, 0, length) })
    case 'int64': return makeData({ type: new Int64(), data: new BigInt64Array(standIn, 0, length) })
  }
}

interface FramingWriter extends InstanceType<Library['RecordBatchStreamWriter']> {
  /** What was written since the last call: the values of each column, and the bytes between them in one array each. */
  take (): Uint8Array[]
}

let FramingWriterClass: (new () => FramingWriter) | undefined

/** A writer that collects what it writes. It overrides private methods, so the library's version is pinned. */
function createFramingWriter (): FramingWriter {
  return new (FramingWriterClass ??= defineFramingWriter())()
}

function defineFramingWriter (): new () => FramingWriter {
  return class extends loadArrow().RecordBatchStreamWriter {
    #written: Uint8Array[] = []
    #framing: Uint8Array[] = []

    take (): Uint8Array[] {
      this.#endFraming()
      const written = this.#written
      this.#written = []
      return written
    }

    protected override _write (bytes: ArrayBufferView): this {
      this.#framing.push(asBytes(bytes))
      return this
    }

    protected override _writeBodyBuffers (buffers: ArrayBufferView[]): this {
      for (const buffer of buffers.filter(({ byteLength }) => byteLength > 0)) {
        this.#endFraming()
        this.#written.push(asBytes(buffer))
        this._writePadding(-buffer.byteLength & 7)
      }
      return this
    }

    #endFraming (): void {
      if (this.#framing.length > 0) this.#written.push(Buffer.concat(this.#framing))
      this.#framing = []
    }
  }
}
