import { clearLine, cursorTo } from 'node:readline'
import type { Progress } from '../dataset/progress.ts'

const WIDTH = 30

/** One line at the bottom of a terminal that shows how far the work is. */
export class ProgressBar {
  readonly #terminal: NodeJS.WriteStream
  #line = ''

  constructor (terminal: NodeJS.WriteStream) {
    this.#terminal = terminal
  }

  /** Draws the bar; takes it away once the work is done. */
  show (dataset: string, { item, done, total, rate, remaining }: Progress): void {
    const share = total > 0 ? Math.min(1, done / total) : 1
    const filled = Math.round(share * WIDTH)
    const text = `${dataset} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${Math.floor(share * 100).toString().padStart(3)} % ${item}`
    const pace = rate === undefined || remaining === undefined ? '' : `, ${(rate / 1e6).toFixed(1)} MB/s, ${remaining} s left`
    this.#draw(share < 1 ? (text + pace).slice(0, (this.#terminal.columns || 80) - 1) : '')
  }

  /** Writes lines above the bar. */
  above (lines: string | Uint8Array): void {
    const bar = this.#line
    this.#draw('')
    this.#terminal.write(lines)
    this.#draw(bar)
  }

  #draw (line: string): void {
    if (line === this.#line) return
    cursorTo(this.#terminal, 0)
    clearLine(this.#terminal, 0)
    this.#terminal.write(line)
    this.#line = line
  }
}
