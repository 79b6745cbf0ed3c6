/** A canonical prefix code. */
export interface PrefixCode {
  /** Bits of each symbol's codeword; 0 for a symbol without one. */
  readonly lengths: Uint8Array
  /** Codewords, the first bit lowest. */
  readonly codewords: Uint16Array
  /** Largest symbol with a codeword. */
  readonly last: number
}

/**
 * Builds the Huffman code for these symbol frequencies, with codewords of at most `maxLength` bits. At least two
 * symbols get a codeword.
 *
 * Among equally good codes it builds the one of gzip: the two rarest nodes are joined, in the order of a binary heap
 * that prefers lower depth among equally rare ones. Codewords beyond the limit are shortened by lengthening the longest
 * ones below it.
 *
 * @param frequencies by symbol; set to 1 for symbols that are added to have two
 */
export function buildHuffmanCode (frequencies: Uint32Array, maxLength: number): PrefixCode {
  const symbols = frequencies.length
  // Nodes: the symbols, then the inner nodes in the order they are created.
  const weight = new Uint32Array(2 * symbols + 1)
  const depth = new Uint8Array(2 * symbols + 1)
  const parent = new Uint16Array(2 * symbols + 1)
  // A 1-based heap: the children of position i are at 2i and 2i+1.
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

  function precedes (a: number, b: number): boolean {
    return weight[a]! < weight[b]! || (weight[a] === weight[b] && depth[a]! <= depth[b]!)
  }
  function siftDown (at: number): void {
    const node = heap[at]!
    for (let child = 2 * at; child <= size; child = 2 * at) {
      if (child < size && precedes(heap[child + 1]!, heap[child]!)) child++
      if (precedes(node, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = node
  }

  for (let at = size >> 1; at >= 1; at--) siftDown(at)
  const joined: number[] = []
  let node = symbols
  while (size >= 2) {
    const rarest = heap[1]!
    heap[1] = heap[size--]!
    siftDown(1)
    const next = heap[1]!
    joined.push(rarest, next)
    weight[node] = weight[rarest]! + weight[next]!
    depth[node] = Math.max(depth[rarest]!, depth[next]!) + 1
    parent[rarest] = parent[next] = node
    heap[1] = node++
    siftDown(1)
  }
  const lengths = limitLengths(joined.reverse(), parent, symbols, maxLength)
  return { lengths, codewords: assignCodewords(lengths), last }
}

/**
 * Computes the codeword lengths of a Huffman tree, limited to `maxLength`.
 *
 * @param nodes all but the root, parents before their children, rarer nodes last
 */
function limitLengths (
  nodes: readonly number[],
  parent: Uint16Array,
  symbols: number,
  maxLength: number
): Uint8Array {
  const lengths = new Uint8Array(parent.length)
  const counts = new Uint16Array(maxLength + 1)
  let excess = 0
  for (const node of nodes) {
    let length = lengths[parent[node]!]! + 1
    if (length > maxLength) {
      length = maxLength
      excess++
    }
    lengths[node] = length
    if (node < symbols) counts[length]!++
  }
  if (excess === 0) return lengths.subarray(0, symbols)

  for (; excess > 0; excess -= 2) {
    let shorter = maxLength - 1
    while (counts[shorter] === 0) shorter--
    counts[shorter]!--
    counts[shorter + 1]! += 2
    counts[maxLength]!--
  }
  // Reassign the lengths by frequency, the longest to the rarest symbols.
  let at = nodes.length
  for (let length = maxLength; length > 0; length--) {
    for (let remaining = counts[length]!; remaining > 0;) {
      const node = nodes[--at]!
      if (node >= symbols) continue
      lengths[node] = length
      remaining--
    }
  }
  return lengths.subarray(0, symbols)
}

/** Canonical codewords for these lengths (RFC 1951 §3.2.2), bit-reversed, as their highest bit is sent first. */
export function assignCodewords (lengths: Uint8Array): Uint16Array {
  const counts = new Uint16Array(16)
  for (const length of lengths) counts[length]!++
  const next = new Uint16Array(16)
  for (let length = 2, codeword = 0; length < 16; length++) {
    next[length] = codeword = (codeword + counts[length - 1]!) << 1
  }
  return Uint16Array.from(lengths, length => length === 0 ? 0 : reverseBits(next[length]!++, length))
}

function reverseBits (value: number, count: number): number {
  let reversed = 0
  for (; count > 0; count--, value >>= 1) reversed = (reversed << 1) | (value & 1)
  return reversed
}

/** Bits of a message with these symbol frequencies, extra bits included. */
export function countBits (
  frequencies: Uint32Array,
  { lengths }: Pick<PrefixCode, 'lengths'>,
  extraBits: readonly number[]
): number {
  return frequencies.reduce((sum, count, symbol) => sum + count * (lengths[symbol]! + extraBits[symbol]!), 0)
}
