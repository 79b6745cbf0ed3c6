/** The items with the lowest scores, in order; of equal ones, those that came first. */
export class BestList<Item> {
  readonly #limit: number
  readonly #entries: Array<{ readonly score: number, readonly item: Item }> = []

  constructor (limit: number) {
    this.#limit = limit
  }

  get items (): Item[] { return this.#entries.map(({ item }) => item) }

  add (score: number, item: Item): void {
    const entries = this.#entries
    if (entries.length === this.#limit && score >= entries.at(-1)!.score) return
    let [low, high] = [0, entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (entries[middle]!.score <= score) low = middle + 1
      else high = middle
    }
    entries.splice(low, 0, { score, item })
    if (entries.length > this.#limit) entries.pop()
  }
}
