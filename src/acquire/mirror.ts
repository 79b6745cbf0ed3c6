import type { FileEntry, ReportProgress } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { download } from './download.ts'
import { pacedReport } from './pace.ts'
import { MemorySink } from './sink.ts'
import type { Source } from './source.ts'
import { Web } from './web.ts'

/** A web server that has the dataset's gzipped files below one address. */
export class Mirror implements Source {
  readonly name: string
  readonly remote = true
  readonly #web: Web
  /** Files whose bytes were put together from several answers. */
  readonly #pieced = new Set<FileEntry>()

  /** @param base address to which a file's name and `.gz` are appended */
  constructor (base: string, web = new Web()) {
    this.name = base
    this.#web = web
  }

  async read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array> {
    const sink = new MemorySink()
    const paced = pacedReport(file.name, report)
    const ceiling = byteCeiling(file)
    // Asked for again, after its parts did not fit together: this time in one piece.
    const resume = !this.#pieced.delete(file)
    try {
      const pieces = await download(`${this.name}${file.name}.gz`, {
        web: this.#web,
        sink,
        ceiling,
        signal,
        resume,
        progress: (done, total) => paced(done, total ?? file.gzip?.bytes ?? ceiling)
      })
      if (pieces > 1) this.#pieced.add(file)
      return sink.bytes()
    } catch (cause) {
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }

  mayBeMixed (file: FileEntry): boolean {
    return this.#pieced.has(file)
  }
}

/** No honest gzip of the content is larger: stored blocks add 5 bytes per 64 KiB, the header a name. */
function byteCeiling ({ dimensions, type }: FileEntry): number {
  const content = dimensions.reduce((product, dimension) => product * dimension, type === 'int32' ? 4 : 1)
  return Math.ceil(content * 1.001) + 4096
}
