import { createRequire } from 'node:module'
import { dirname } from 'node:path'
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

/** An error as the log shows it: without local paths in its messages, and with the frames of its stack. */
export function describeError (error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  const messages: string[] = []
  for (let cause: unknown = error; cause instanceof Error && messages.length < MAX_CAUSES; cause = cause.cause) {
    messages.push(messageOf(cause))
  }
  // The message precedes the frames, and may have several lines.
  const frames = error.stack?.split('\n').filter(line => /^ +at /.test(line)).map(line => line.trim()) ?? []
  return {
    type: error.constructor.name,
    message: messages.filter((message, i) => message !== messages[i - 1]).join(': '),
    ...(code !== undefined && { code }),
    stack: frames.join('\n').replaceAll(`file://${ROOT}`, '').replaceAll(ROOT, '')
  }
}

/** Causes are few, unless they form a circle. */
const MAX_CAUSES = 5

/** The folder of the program, which frames leave out. */
const ROOT = `${dirname(createRequire(import.meta.url).resolve('#package.json'))}/`

/** Ends of the names of query parameters whose values are secrets. */
const SECRET = 'key|token|secret|password|passwd|passphrase|pwd|signature|sig|credentials?|auth|authorization|jwt'

const credentials = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'\\@]*@/gi
const parameters = new RegExp(`([?&;](?:[\\w.-]*?)(?:${SECRET})=)[^&;\\s"'\\\\]+`, 'gi')

/** Text without the credentials of addresses and the values of secret query parameters. */
export function redact (text: string): string {
  return text.replace(credentials, '$1').replace(parameters, '$1***')
}
