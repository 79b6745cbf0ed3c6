/** Warns once when a server begins to fail, and once when it answers again, however many requests there are. */
export class Outage {
  readonly #base: string
  readonly #giveUpAfter: number
  readonly #warn: (message: string) => void
  #since: number | undefined

  constructor (base: string, giveUpAfter: number, warn: (message: string) => void) {
    this.#base = base
    this.#giveUpAfter = giveUpAfter
    this.#warn = warn
  }

  /** @param problem such as `cannot be reached (ECONNREFUSED)` */
  begin (problem: string, advice: string): void {
    if (this.#since !== undefined) return
    this.#since = performance.now()
    const hint = advice && `. ${advice}`
    this.#warn(`${this.#base} ${problem}; retrying for up to ${this.#giveUpAfter} s${hint}`)
  }

  /** @param sent when the request was sent: an answer to an earlier one does not end an outage */
  end (sent: number): void {
    if (this.#since === undefined || sent < this.#since) return
    const seconds = Math.round((performance.now() - this.#since) / 1000)
    this.#since = undefined
    this.#warn(`${this.#base} answers again after ${seconds} s`)
  }
}
