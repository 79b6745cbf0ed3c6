import { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
import type { Progress } from '../dataset/progress.ts'
import { messageOf } from '../errors.ts'
import { describeError, redact, LogOutput } from './log-output.ts'

/** The output of the process: readable lines and a progress bar on a terminal, JSON lines elsewhere. */
export interface Console {
  readonly logger: Logger
  readonly report: (dataset: string, progress: Progress) => void
}

/** Applied to every line. */
const hooks = { streamWrite: redact }
const serializers = { err: describeError }

/**
 * Logs to standard output. On a terminal, progress is a bar below the log; elsewhere, an occasional log line. If one of
 * the two streams fails, the process goes on, and the other one says so.
 */
export async function createConsole (
  level: string,
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr
): Promise<Console> {
  const output = new LogOutput(stdout, message => stderr.write(`mnist-batch-server: ${message}\n`))
  const console = await createOutput(level, stdout, output)
  let isReported = false
  stderr.on('error', error => {
    if (!isReported) console.logger.warn(`standard error cannot be written: ${messageOf(error)}`)
    isReported = true
  })
  return console
}

async function createOutput (level: string, stdout: NodeJS.WriteStream, output: LogOutput): Promise<Console> {
  if (!stdout.isTTY) {
    const logger = pino({ level, hooks, serializers }, output)
    return { logger, report: everyTenth((dataset, progress) => logger.info({ dataset, progress }, 'progress')) }
  }
  const { build: prettyStream } = await import('pino-pretty')
  const bar = new ProgressBar(stdout, output)
  const destination = new Writable({ write: (line, _encoding, done) => { bar.writeAbove(line); done() } })
  const format = { colorize: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' }
  const logger = pino({ level, hooks, serializers }, prettyStream({ ...format, destination }))
  return { logger, report: (dataset, progress) => bar.show(dataset, progress) }
}

/** Passes on the first report of each item, and the first in each tenth of its work. */
function everyTenth (log: (dataset: string, progress: Progress) => void): Console['report'] {
  let last = ''
  return (dataset, progress) => {
    const step = `${dataset} ${progress.item} ${Math.floor(10 * progress.done / progress.total)}`
    if (step !== last) log(dataset, progress)
    last = step
  }
}

const WIDTH = 30

/** Moves to the start of the line and erases it. */
const CLEAR_LINE = '\x1b[1G\x1b[2K'

/** A progress bar in the last line of a terminal. */
export class ProgressBar {
  readonly #terminal: NodeJS.WriteStream
  readonly #output: LogOutput
  #line = ''

  constructor (terminal: NodeJS.WriteStream, output: LogOutput) {
    this.#terminal = terminal
    this.#output = output
  }

  /** Draws the bar, or removes it once the work is done. */
  show (dataset: string, { item, done, total, rate, remaining }: Progress): void {
    const share = total > 0 ? Math.min(1, done / total) : 1
    const filled = Math.round(share * WIDTH)
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
    const percent = Math.floor(share * 100).toString().padStart(3)
    const hasRate = rate !== undefined && remaining !== undefined
    const speed = hasRate ? `, ${(rate / 1e6).toFixed(1)} MB/s, ${remaining} s left` : ''
    const line = `${dataset} ${bar} ${percent} % ${item}${speed}`
    // The last column stays free, since some terminals wrap there; 80 columns if the width is unknown.
    this.#draw(share < 1 ? line.slice(0, (this.#terminal.columns || 80) - 1) : '')
  }

  /** Writes lines above the bar. */
  writeAbove (lines: string | Uint8Array): void {
    const bar = this.#line
    this.#draw('')
    this.#output.write(lines)
    this.#draw(bar)
  }

  #draw (line: string): void {
    if (line === this.#line) return
    this.#output.write(CLEAR_LINE + line)
    this.#line = line
  }
}
