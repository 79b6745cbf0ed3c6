import { Agent, interceptors, request, type Dispatcher } from 'undici'
import type { FileEntry, ReportProgress } from '../dataset.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Source } from './source.ts'

const agent = new Agent({ connect: { timeout: 10_000 }, headersTimeout: 30_000, bodyTimeout: 30_000 })
  .compose(interceptors.redirect({ maxRedirections: 3 }))

/** A web server that has the dataset's gzipped files below one address. */
export class Mirror implements Source {
  readonly name: string
  readonly remote = true
  readonly #dispatcher: Dispatcher

  /** @param base address to which a file's name and `.gz` are appended */
  constructor (base: string, dispatcher: Dispatcher = agent) {
    this.name = base
    this.#dispatcher = dispatcher
  }

  async read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array> {
    try {
      const { statusCode, body } = await request(`${this.name}${file.name}.gz`, { dispatcher: this.#dispatcher, signal })
      if (statusCode !== 200) {
        await body.dump({ limit: 0 }).catch(() => {})
        throw new Error(`HTTP ${statusCode}`)
      }
      return await collect(body, byteCeiling(file), done => report({ stage: 'acquire', item: file.name, done, total: file.gzip?.bytes ?? byteCeiling(file) }))
    } catch (cause) {
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }
}

/** No honest gzip of the content is larger: stored blocks add 5 bytes per 64 KiB, the header a name. */
function byteCeiling (file: FileEntry): number {
  const content = file.dimensions.reduce((product, dimension) => product * dimension, 1)
  return Math.ceil(content * 1.001) + 4096
}

async function collect (body: AsyncIterable<Uint8Array>, ceiling: number, report: (done: number) => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > ceiling) throw new Error(`sent more than ${ceiling} bytes`)
    chunks.push(chunk)
    report(size)
  }
  return Buffer.concat(chunks, size)
}
