import { messageOf } from '../errors.ts'

/** Bytes of lines that wait for a reader, which may have paused; more are dropped. */
const MAX_WAITING_BYTES = 1 << 20

/**
 * Writes log lines, and drops those that cannot be written: the reader of a pipe or terminal may have exited, and the
 * disk of a file may be full. The first one is reported elsewhere, and later ones are tried again.
 */
export class LogOutput {
  readonly #stream: NodeJS.WriteStream
  readonly #report: (message: string) => void
  #isReported = false

  /** @param report where to report the first failure */
  constructor (stream: NodeJS.WriteStream, report: (message: string) => void) {
    this.#stream = stream
    this.#report = report
    stream.on('error', error => this.#drop(messageOf(error)))
  }

  write (line: string | Uint8Array): void {
    if (this.#stream.writableLength > MAX_WAITING_BYTES) this.#drop('nothing reads it')
    else this.#stream.write(line)
  }

  #drop (reason: string): void {
    if (this.#isReported) return
    this.#isReported = true
    this.#report(`log lines are lost, since standard output cannot be written: ${reason}`)
  }
}
