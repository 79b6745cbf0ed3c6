import type { Neighbours } from './nearest-neighbours.ts'
import { randomSource } from './random-source.ts'

/** Of the curve 1 / (1 + a·d^2b) that `spread` 1 and `min_dist` 0.1 lead to. */
const A = 1.576943460405378
const B = 0.8950608781227859

const NEGATIVE_SAMPLES = 5
const MAX_STEP = 4
/** Steps of the bisection for the scale of a point. */
const BISECTIONS = 64

/** Epochs for few and for many points, as in umap-learn. */
const EPOCHS = { few: 500, many: 200 }
const MANY_POINTS = 10_000

interface Graph {
  readonly heads: Int32Array
  readonly tails: Int32Array
  /** float32, 0 … 1. */
  readonly weights: Float32Array
}

/**
 * Lays out points in the plane so that neighbours stay together: UMAP (arXiv:1802.03426) by stochastic gradient
 * descent, from the given positions on.
 *
 * @param positions float32 [count, 2], which are moved
 * @param report called with the share of epochs that are done
 */
export function layOut (
  positions: Float32Array,
  neighbours: Neighbours,
  report: (done: number) => void = () => {}
): void {
  const count = positions.length / 2
  const epochs = count > MANY_POINTS ? EPOCHS.many : EPOCHS.few
  const { heads, tails, weights } = fuzzyGraph(count, neighbours)
  const strongest = weights.reduce((most, weight) => Math.max(most, weight), 0)
  // An edge is sampled every so many epochs.
  const periods = weights.map(weight => strongest / weight)
  const next = periods.slice()
  const random = randomSource(3)
  for (let epoch = 1; epoch <= epochs; epoch++) {
    report((epoch - 1) / epochs)
    const rate = 1 - (epoch - 1) / epochs
    for (let edge = 0; edge < heads.length; edge++) {
      if (next[edge]! > epoch) continue
      next[edge]! += periods[edge]!
      const head = 2 * heads[edge]!
      const tail = 2 * tails[edge]!
      let dx = positions[head]! - positions[tail]!
      let dy = positions[head + 1]! - positions[tail + 1]!
      let squared = dx * dx + dy * dy
      if (squared > 0) {
        const power = squared ** B
        const pull = -2 * A * B * power / squared / (A * power + 1)
        const x = limit(pull * dx) * rate
        const y = limit(pull * dy) * rate
        positions[head]! += x
        positions[head + 1]! += y
        positions[tail]! -= x
        positions[tail + 1]! -= y
      }
      for (let sample = 0; sample < NEGATIVE_SAMPLES; sample++) {
        const other = 2 * (random() % count)
        if (other === head) continue
        dx = positions[head]! - positions[other]!
        dy = positions[head + 1]! - positions[other + 1]!
        squared = dx * dx + dy * dy
        const push = squared > 0 ? 2 * B / ((0.001 + squared) * (A * squared ** B + 1)) : 0
        positions[head]! += (squared > 0 ? limit(push * dx) : MAX_STEP) * rate
        positions[head + 1]! += (squared > 0 ? limit(push * dy) : MAX_STEP) * rate
      }
    }
  }
}

function limit (step: number): number {
  return step > MAX_STEP ? MAX_STEP : step < -MAX_STEP ? -MAX_STEP : step
}

/** The edges between neighbours, each once, weighted by how near they are compared to the others. */
function fuzzyGraph (count: number, neighbours: Neighbours): Graph {
  const { k, ids } = neighbours
  const strengths = edgeStrengths(count, neighbours)
  const heads = new Int32Array(count * k)
  const tails = new Int32Array(count * k)
  const weights = new Float32Array(count * k)
  let edges = 0
  for (let i = 0; i < count; i++) {
    for (let n = 0; n < k; n++) {
      const j = ids[i * k + n]!
      const back = ids.subarray(j * k, (j + 1) * k).indexOf(i)
      // The edge was added with the other point.
      if (back >= 0 && j < i) continue
      const a = strengths[i * k + n]!
      const b = back < 0 ? 0 : strengths[j * k + back]!
      const weight = a + b - a * b
      if (weight <= 0) continue
      heads[edges] = i
      tails[edges] = j
      weights[edges++] = weight
    }
  }
  return { heads: heads.subarray(0, edges), tails: tails.subarray(0, edges), weights: weights.subarray(0, edges) }
}

/** exp(−(d − ρ) / σ), where ρ is the distance of the nearest, and σ such that a point's sum is log2(k). */
function edgeStrengths (count: number, { k, distances }: Neighbours): Float32Array {
  const strengths = new Float32Array(count * k)
  const target = Math.log2(k)
  const lengths = new Float64Array(k)
  for (let i = 0; i < count; i++) {
    let nearest = Infinity
    let sum = 0
    for (let n = 0; n < k; n++) {
      const distance = Math.sqrt(distances[i * k + n]!)
      lengths[n] = distance
      sum += distance
      if (distance > 0 && distance < nearest) nearest = distance
    }
    if (nearest === Infinity) nearest = 0
    let [low, high, scale] = [0, Infinity, 1]
    for (let step = 0; step < BISECTIONS; step++) {
      let total = 0
      for (let n = 0; n < k; n++) total += Math.exp(-Math.max(0, lengths[n]! - nearest) / scale)
      if (Math.abs(total - target) < 1e-5) break
      if (total > target) high = scale
      else low = scale
      scale = high === Infinity ? scale * 2 : (low + high) / 2
    }
    scale = Math.max(scale, 1e-3 * sum / k, Number.MIN_VALUE)
    for (let n = 0; n < k; n++) {
      strengths[i * k + n] = Math.exp(-Math.max(0, lengths[n]! - nearest) / scale)
    }
  }
  return strengths
}
