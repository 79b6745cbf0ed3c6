import { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
import type { Progress } from '../dataset/progress.ts'
import { messageOf } from '../errors.ts'
import { describeError } from './describe-error.ts'
import { LogOutput } from './log-output.ts'
import { ProgressBar } from './progress-bar.ts'
import { redact } from './redact.ts'

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
