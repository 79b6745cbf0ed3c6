import type { DatasetMap, MapProgress } from '../dataset/dataset-map.ts'
import { perSplit, splitNames } from '../dataset/sample-splits.ts'
import { findDuplicates, findSuspects, type MapInput } from './findings.ts'
import { findNeighbours } from './nearest-neighbours.ts'
import { fitComponents, project, shrink } from './principal-components.ts'
import { layOut } from './umap.ts'

export type ComputedMap = Omit<DatasetMap, 'hash'>

const DIMENSIONS = 32
const NEIGHBOURS = 15

/** Of the first two components at the start of the layout. */
const START_EXTENT = 10

/**
 * Computes the map of a dataset; the same input gives the same map on the same version of Node.js. Blocks the thread
 * for a minute, and takes some hundred bytes per sample: meant for a worker thread.
 */
export function computeMap (input: MapInput, report: (progress: MapProgress) => void = () => {}): ComputedMap {
  const counts = perSplit(name => input.splits[name].labels.length)
  const count = splitNames.reduce((sum, name) => sum + counts[name], 0)
  report({ stage: 'components', done: 0 })
  const images = perSplit(name => shrink(input.splits[name].images, counts[name], input.shape))
  // Fitted to the training split alone, like everything else that is.
  const components = fitComponents(images.train, DIMENSIONS)
  const { dimensions } = components
  const points = new Float32Array(count * dimensions)
  let start = 0
  for (const name of splitNames) {
    report({ stage: 'components', done: start / count })
    project(images[name], components, points.subarray(start * dimensions, (start + counts[name]) * dimensions))
    start += counts[name]
  }
  const neighbours = findNeighbours(points, count, dimensions, NEIGHBOURS, done => {
    report({ stage: 'neighbours', done })
  })
  report({ stage: 'findings', done: 0 })
  const duplicates = findDuplicates(input, neighbours)
  const suspects = findSuspects(input, points, neighbours)
  const positions = startPositions(points, count, dimensions)
  if (neighbours.k > 0) layOut(positions, neighbours, done => report({ stage: 'layout', done }))
  start = 0
  return {
    points: perSplit(name => positions.slice(2 * start, 2 * (start += counts[name]))),
    duplicates,
    suspects
  }
}

/** The first two components, scaled. */
function startPositions (points: Float32Array, count: number, dimensions: number): Float32Array {
  const positions = new Float32Array(2 * count)
  let extent = 0
  for (let i = 0; i < count; i++) {
    for (let axis = 0; axis < Math.min(2, dimensions); axis++) {
      const value = positions[2 * i + axis] = points[i * dimensions + axis]!
      extent = Math.max(extent, Math.abs(value))
    }
  }
  const scale = extent > 0 ? START_EXTENT / extent : 0
  return positions.map(value => value * scale)
}
