/** A prefix code: for each symbol the length of its word in bits, 0 where it has none, and the word, its first bit lowest. */
export interface PrefixCode {
  readonly lengths: Uint8Array
  readonly words: Uint16Array
  /** The largest symbol that has a word. */
  readonly last: number
}

/**
 * The Huffman code of symbols that occur so often, with words of at most `limit` bits. At least two symbols get a word.
 *
 * Among codes that are as good, it is the one of the classic implementation: the two rarest nodes are joined, the flatter
 * one first where they are as rare, as a binary heap gives them; and words that would be too long are shortened by
 * lengthening the longest of those that are shorter than the limit.
 *
 * @param frequencies is changed: symbols that are added occur once
 */
export function huffmanCode (frequencies: Uint32Array, limit: number): PrefixCode {
  const symbols = frequencies.length
  const weight = new Uint32Array(2 * symbols + 1)
  const depth = new Uint8Array(2 * symbols + 1)
  const parent = new Uint16Array(2 * symbols + 1)
  // From 1 on: the children of node i are 2i and 2i+1.
  const heap = new Uint16Array(symbols + 1)
  let size = 0
  let last = -1
  for (let symbol = 0; symbol < symbols; symbol++) {
    if (frequencies[symbol] === 0) continue
    heap[++size] = last = symbol
  }
  while (size < 2) {
    const added = last < 2 ? ++last : 0
    frequencies[added] = 1
    heap[++size] = added
  }
  weight.set(frequencies)

  function before (a: number, b: number): boolean {
    return weight[a]! < weight[b]! || (weight[a] === weight[b] && depth[a]! <= depth[b]!)
  }
  function sink (at: number): void {
    const node = heap[at]!
    for (let child = 2 * at; child <= size; child = 2 * at) {
      if (child < size && before(heap[child + 1]!, heap[child]!)) child++
      if (before(node, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = node
  }

  for (let at = size >> 1; at >= 1; at--) sink(at)
  // Nodes in the order in which they were joined; the root comes last.
  const joined: number[] = []
  let node = symbols
  while (size >= 2) {
    const rarest = heap[1]!
    heap[1] = heap[size--]!
    sink(1)
    const next = heap[1]!
    joined.push(rarest, next)
    weight[node] = weight[rarest]! + weight[next]!
    depth[node] = Math.max(depth[rarest]!, depth[next]!) + 1
    parent[rarest] = parent[next] = node
    heap[1] = node++
    sink(1)
  }
  const lengths = limitedLengths(joined.reverse(), parent, symbols, node - 1, limit)
  return { lengths, words: wordsOf(lengths), last }
}

/** @param nodes all but the root, each after its parent */
function limitedLengths (nodes: readonly number[], parent: Uint16Array, symbols: number, root: number, limit: number): Uint8Array {
  const lengths = new Uint8Array(root + 1)
  const counts = new Uint16Array(limit + 1)
  let excess = 0
  for (const node of nodes) {
    let length = lengths[parent[node]!]! + 1
    if (length > limit) {
      length = limit
      excess++
    }
    lengths[node] = length
    if (node < symbols) counts[length]!++
  }
  if (excess > 0) {
    for (; excess > 0; excess -= 2) {
      let shorter = limit - 1
      while (counts[shorter] === 0) shorter--
      counts[shorter]!--
      counts[shorter + 1]! += 2
      counts[limit]!--
    }
    // The lengths go to the symbols in the order of their frequency, the longest to the rarest.
    let at = nodes.length
    for (let length = limit; length > 0; length--) {
      for (let left = counts[length]!; left > 0;) {
        const node = nodes[--at]!
        if (node >= symbols) continue
        lengths[node] = length
        left--
      }
    }
  }
  return lengths.subarray(0, symbols)
}

/** The canonical words of these lengths (RFC 1951 §3.2.2), turned round, since a word is sent from its highest bit on. */
export function wordsOf (lengths: Uint8Array): Uint16Array {
  const counts = new Uint16Array(16)
  for (const length of lengths) counts[length]!++
  const next = new Uint16Array(16)
  for (let length = 2, word = 0; length < 16; length++) next[length] = word = (word + counts[length - 1]!) << 1
  return Uint16Array.from(lengths, length => length === 0 ? 0 : reversed(next[length]!++, length))
}

function reversed (word: number, length: number): number {
  let result = 0
  for (; length > 0; length--, word >>= 1) result = (result << 1) | (word & 1)
  return result
}

/** Bits that the symbols take in this code. */
export function bitsOf (frequencies: Uint32Array, { lengths }: Pick<PrefixCode, 'lengths'>, extraBits: readonly number[]): number {
  return frequencies.reduce((sum, frequency, symbol) => sum + frequency * (lengths[symbol]! + extraBits[symbol]!), 0)
}
