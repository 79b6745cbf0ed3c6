import type { Progress } from '../dataset/progress.ts'
import type { LogOutput } from './log-output.ts'

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
