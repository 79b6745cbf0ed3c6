/** The part of the plane that a map shows: its center, and pixels per unit. */
export interface MapView {
  readonly x: number
  readonly y: number
  readonly scale: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** Corners of an area, as x and y in turn. */
export type Polygon = readonly number[]

const MARGIN = 0.95
const MIN_SCALE = 1
const MAX_SCALE = 2000
/** Corners of an area that a link may have. */
const MAX_CORNERS = 60

/** The view of all points. */
export function wholeView (points: Float32Array, { width, height }: Size): MapView {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let i = 0; i < points.length; i += 2) {
    left = Math.min(left, points[i]!)
    right = Math.max(right, points[i]!)
    top = Math.min(top, points[i + 1]!)
    bottom = Math.max(bottom, points[i + 1]!)
  }
  if (left > right) return { x: 0, y: 0, scale: 1 }
  const scale = MARGIN * Math.min(width / Math.max(right - left, 1e-3), height / Math.max(bottom - top, 1e-3))
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale: limitScale(scale) }
}

/** Zooms around a position in pixels. */
export function zoom (
  view: MapView,
  size: Size,
  factor: number,
  at = { x: size.width / 2, y: size.height / 2 }
): MapView {
  const scale = limitScale(view.scale * factor)
  const [dx, dy] = [at.x - size.width / 2, at.y - size.height / 2]
  return { x: view.x + dx / view.scale - dx / scale, y: view.y + dy / view.scale - dy / scale, scale }
}

function limitScale (scale: number): number {
  return Math.max(MIN_SCALE, Math.min(MAX_SCALE, scale))
}

export function pan (view: MapView, dx: number, dy: number): MapView {
  return { ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale }
}

/** The position in the plane of one in pixels. */
export function toPlane (
  { x, y, scale }: MapView,
  { width, height }: Size,
  left: number,
  top: number
): [x: number, y: number] {
  return [x + (left - width / 2) / scale, y + (top - height / 2) / scale]
}

/** The area that a view shows. */
export function visibleArea (view: MapView, size: Size): Polygon {
  const [left, top] = toPlane(view, size, 0, 0)
  const [right, bottom] = toPlane(view, size, size.width, size.height)
  return [left, top, right, top, right, bottom, left, bottom]
}

/** Ids of the points inside an area. */
export function pointsInside (points: Float32Array, area: Polygon): number[] {
  const ids: number[] = []
  if (area.length < 6) return ids
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let i = 0; i < area.length; i += 2) {
    left = Math.min(left, area[i]!)
    right = Math.max(right, area[i]!)
    top = Math.min(top, area[i + 1]!)
    bottom = Math.max(bottom, area[i + 1]!)
  }
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i]!
    const y = points[i + 1]!
    if (x >= left && x <= right && y >= top && y <= bottom && isInside(x, y, area)) ids.push(i / 2)
  }
  return ids
}

/** Whether a ray to the right crosses the border an odd number of times. */
function isInside (x: number, y: number, area: Polygon): boolean {
  let inside = false
  for (let i = 0, j = area.length - 2; i < area.length; j = i, i += 2) {
    const [ax, ay, bx, by] = [area[i]!, area[i + 1]!, area[j]!, area[j + 1]!]
    if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside
  }
  return inside
}

/** The point nearest to a position in the plane, within a distance. */
export function nearestPoint (points: Float32Array, x: number, y: number, within: number): number | undefined {
  let nearest: number | undefined
  let least = within * within
  for (let i = 0; i < points.length; i += 2) {
    const distance = (points[i]! - x) ** 2 + (points[i + 1]! - y) ** 2
    if (distance > least) continue
    least = distance
    nearest = i / 2
  }
  return nearest
}

/** The text of an area in a link; corners are left out where there are many. */
export function formatArea (area: Polygon): string {
  const step = Math.max(1, Math.ceil(area.length / 2 / MAX_CORNERS))
  const corners: string[] = []
  for (let i = 0; i < area.length; i += 2 * step) corners.push(`${round(area[i]!)},${round(area[i + 1]!)}`)
  return corners.join(';')
}

export function parseArea (text: string): Polygon {
  const numbers = text === '' ? [] : text.split(/[;,]/).map(Number)
  return numbers.length % 2 === 0 && numbers.every(Number.isFinite) ? numbers : []
}

export function formatView ({ x, y, scale }: MapView): string {
  return [x, y, scale].map(round).join(',')
}

export function parseView (text: string): MapView | undefined {
  const [x, y, scale] = text.split(',').map(Number)
  if (![x, y, scale].every(Number.isFinite)) return undefined
  return { x: x!, y: y!, scale: limitScale(scale!) }
}

function round (value: number): number {
  return Math.round(value * 100) / 100
}
