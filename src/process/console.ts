import { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
import type { Progress } from '../dataset/progress.ts'
import { ProgressBar } from './progress-bar.ts'

/** Where the process says what it does: lines for people on a terminal, JSON lines elsewhere. */
export interface Console {
  readonly logger: Logger
  readonly report: (dataset: string, progress: Progress) => void
}

/** Logs go to standard output. Progress is a bar below them on a terminal, and a line now and then elsewhere. */
export async function createConsole (level: string, stdout: NodeJS.WriteStream = process.stdout): Promise<Console> {
  if (!stdout.isTTY) {
    const logger = pino({ level }, stdout)
    return { logger, report: everyTenth((dataset, progress) => logger.info({ dataset, progress }, 'progress')) }
  }
  const { build: prettyStream } = await import('pino-pretty')
  const bar = new ProgressBar(stdout)
  const lines = new Writable({ write: (line, _encoding, done) => { bar.above(line); done() } })
  const logger = pino({ level }, prettyStream({ destination: lines, colorize: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' }))
  return { logger, report: (dataset, progress) => bar.show(dataset, progress) }
}

/** Passes on the first report of each item and then one each tenth of the way. */
function everyTenth (log: (dataset: string, progress: Progress) => void): Console['report'] {
  let last = ''
  return (dataset, progress) => {
    const step = `${dataset} ${progress.item} ${Math.floor(10 * progress.done / progress.total)}`
    if (step !== last) log(dataset, progress)
    last = step
  }
}
