import { randomSource } from './random-source.ts'

/** The nearest neighbours of each point, the nearest first, without the point itself. */
export interface Neighbours {
  /** Neighbours of each point. */
  readonly k: number
  /** int32 [count, k]. */
  readonly ids: Int32Array
  /** float32 [count, k]: squared distances. */
  readonly distances: Float32Array
}

/** Clusters that are searched for each point, at most: those with the nearest centers. */
const PROBES = 16
const MAX_CLUSTERS = 2048
const ITERATIONS = 4
/** Points that the clusters are fitted to, per cluster. */
const FITTED_POINTS = 40

/** Dimensions after which a point that is too far is left. */
const BLOCK = 8

/**
 * Finds neighbours among the points of the nearest clusters. So a distant neighbour may be missed, but hardly a near
 * one.
 *
 * @param points float32 [count, dimensions]
 * @param report called with the share of points that are done
 */
export function findNeighbours (
  points: Float32Array,
  count: number,
  dimensions: number,
  maxNeighbours: number,
  report: (done: number) => void = () => {}
): Neighbours {
  const k = Math.max(0, Math.min(maxNeighbours, count - 1))
  const ids = new Int32Array(count * k)
  const distances = new Float32Array(count * k).fill(Infinity)
  if (k === 0) return { k, ids, distances }
  const clusters = createClusters(points, count, dimensions)
  const { starts, members, sorted } = clusters
  const probes = Math.min(PROBES, starts.length - 1)
  for (let i = 0; i < count; i++) {
    if (i % 1024 === 0) report(i / count)
    const point = points.subarray(i * dimensions, (i + 1) * dimensions)
    const first = i * k
    let worst = Infinity
    let found = 0
    for (const cluster of nearestClusters(point, clusters, dimensions, probes, k)) {
      for (let at = starts[cluster]!; at < starts[cluster + 1]!; at++) {
        const id = members[at]!
        if (id === i) continue
        const distance = distanceBelow(point, sorted, at * dimensions, dimensions, worst)
        if (distance >= worst) continue
        let place = Math.min(found, k - 1)
        for (; place > 0 && distances[first + place - 1]! > distance; place--) {
          distances[first + place] = distances[first + place - 1]!
          ids[first + place] = ids[first + place - 1]!
        }
        distances[first + place] = distance
        ids[first + place] = id
        if (found < k) found++
        if (found === k) worst = distances[first + k - 1]!
      }
    }
  }
  return { k, ids, distances }
}

/** Squared; the sum so far once that is not below a bound. */
function distanceBelow (point: Float32Array, others: Float32Array, at: number, size: number, bound: number): number {
  let sum = 0
  for (let d = 0; d < size;) {
    const end = Math.min(d + BLOCK, size)
    for (; d < end; d++) {
      const difference = point[d]! - others[at + d]!
      sum += difference * difference
    }
    if (sum >= bound) return sum
  }
  return sum
}

interface Clusters {
  /** float32 [clusters, dimensions]. */
  readonly centers: Float32Array
  /** int32 [clusters + 1]: where the members of each begin. */
  readonly starts: Int32Array
  /** int32 [count]: points by cluster. */
  readonly members: Int32Array
  /** float32 [count, dimensions]: points in the order of `members`. */
  readonly sorted: Float32Array
}

/** k-means, with about as many clusters as points in each. */
function createClusters (points: Float32Array, count: number, dimensions: number): Clusters {
  const clusters = Math.max(1, Math.min(MAX_CLUSTERS, Math.round(Math.sqrt(count))))
  const random = randomSource(2)
  const centers = new Float32Array(clusters * dimensions)
  for (let cluster = 0; cluster < clusters; cluster++) {
    const i = random() % count
    centers.set(points.subarray(i * dimensions, (i + 1) * dimensions), cluster * dimensions)
  }
  const step = Math.max(1, Math.floor(count / (clusters * FITTED_POINTS)))
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const sums = new Float64Array(clusters * dimensions)
    const sizes = new Int32Array(clusters)
    for (let i = 0; i < count; i += step) {
      const cluster = nearestCenter(points, i * dimensions, centers, clusters, dimensions)
      sizes[cluster]!++
      for (let d = 0; d < dimensions; d++) sums[cluster * dimensions + d]! += points[i * dimensions + d]!
    }
    for (let cluster = 0; cluster < clusters; cluster++) {
      const size = sizes[cluster]!
      if (size === 0) continue
      for (let d = 0; d < dimensions; d++) {
        centers[cluster * dimensions + d] = sums[cluster * dimensions + d]! / size
      }
    }
  }
  const assigned = new Int32Array(count)
  const starts = new Int32Array(clusters + 1)
  for (let i = 0; i < count; i++) {
    assigned[i] = nearestCenter(points, i * dimensions, centers, clusters, dimensions)
    starts[assigned[i]! + 1]!++
  }
  for (let cluster = 0; cluster < clusters; cluster++) starts[cluster + 1]! += starts[cluster]!
  const next = starts.slice()
  const members = new Int32Array(count)
  const sorted = new Float32Array(count * dimensions)
  for (let i = 0; i < count; i++) {
    const at = next[assigned[i]!]!++
    members[at] = i
    sorted.set(points.subarray(i * dimensions, (i + 1) * dimensions), at * dimensions)
  }
  return { centers, starts, members, sorted }
}

function nearestCenter (
  points: Float32Array,
  at: number,
  centers: Float32Array,
  clusters: number,
  dimensions: number
): number {
  const point = points.subarray(at, at + dimensions)
  let nearest = 0
  let least = Infinity
  for (let cluster = 0; cluster < clusters; cluster++) {
    const distance = distanceBelow(point, centers, cluster * dimensions, dimensions, least)
    if (distance >= least) continue
    least = distance
    nearest = cluster
  }
  return nearest
}

/** The clusters to search: the nearest ones, and more if these have too few points. */
function nearestClusters (
  point: Float32Array,
  { centers, starts }: Clusters,
  dimensions: number,
  probes: number,
  k: number
): number[] {
  const clusters = starts.length - 1
  const distances = new Float32Array(clusters)
  for (let cluster = 0; cluster < clusters; cluster++) {
    distances[cluster] = distanceBelow(point, centers, cluster * dimensions, dimensions, Infinity)
  }
  const chosen: number[] = []
  let members = 0
  while (chosen.length < clusters && (chosen.length < probes || members <= k)) {
    let nearest = -1
    for (let cluster = 0; cluster < clusters; cluster++) {
      const distance = distances[cluster]!
      if (distance < Infinity && (nearest < 0 || distance < distances[nearest]!)) nearest = cluster
    }
    if (nearest < 0) break
    distances[nearest] = Infinity
    members += starts[nearest + 1]! - starts[nearest]!
    chosen.push(nearest)
  }
  return chosen
}
