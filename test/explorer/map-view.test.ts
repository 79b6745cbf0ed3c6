import t from 'tap'
import {
  formatArea, formatView, nearestPoint, pan, parseArea, parseView, pointsInside, toPlane, visibleArea, wholeView, zoom
} from '../../explorer/src/map-view.ts'

const size = { width: 400, height: 200 }
/** Four corners of a square, and its center. */
const points = Float32Array.of(-2, -2, 2, -2, 2, 2, -2, 2, 0, 0)

t.test('the whole view shows all points, with a margin', async t => {
  const view = wholeView(points, size)
  t.same([view.x, view.y], [0, 0])
  t.equal(view.scale, 0.95 * 200 / 4)
  t.same(pointsInside(points, visibleArea(view, size)), [0, 1, 2, 3, 4])
  t.same(wholeView(Float32Array.of(), size), { x: 0, y: 0, scale: 1 }, 'of no points')
  t.ok(Number.isFinite(wholeView(Float32Array.of(3, 3), size).scale), 'of one point')
})

t.test('zooming keeps the position under the pointer, within limits', async t => {
  const view = { x: 1, y: -1, scale: 50 }
  const at = { x: 300, y: 20 }
  const closer = zoom(view, size, 4, at)
  t.equal(closer.scale, 200)
  for (const [i, value] of toPlane(closer, size, at.x, at.y).entries()) {
    t.ok(Math.abs(value - toPlane(view, size, at.x, at.y)[i]!) < 1e-9)
  }
  t.equal(zoom(view, size, 1e9).scale, 2000)
  t.equal(zoom(view, size, 1e-9).scale, 1)
})

t.test('panning moves the plane with the pointer', async t => {
  const view = { x: 1, y: -1, scale: 64 }
  t.same(toPlane(pan(view, 32, -16), size, 132, 84), toPlane(view, size, 100, 100))
})

t.test('an area contains the points inside its border, also of one that is not convex', async t => {
  t.same(pointsInside(points, [-1, -3, 3, -3, 3, 3, -1, 3]), [1, 2, 4])
  t.same(pointsInside(points, [-3, -3, 3, -3, 0, -1, 0.5, 0.5, -3, 0.5]), [0, 4], 'point 1 is in the notch')
  t.same(pointsInside(points, [0, 0, 1, 1]), [], 'no area')
})

t.test('the nearest point is found within a distance', async t => {
  t.equal(nearestPoint(points, 1.8, 2.1, 1), 2)
  t.equal(nearestPoint(points, 1, 1, 0.5), undefined)
})

t.test('links hold a view and an area', async t => {
  const view = { x: 1.25, y: -3.5, scale: 120 }
  t.same(parseView(formatView(view)), view)
  for (const text of ['', '1,2', '1,2,x']) t.equal(parseView(text), undefined, text)
  t.equal(parseView('0,0,1e9')?.scale, 2000)
  const area = [0, 0, 1.5, 0, 1.5, -2]
  t.same(parseArea(formatArea(area)), area)
  t.same(parseArea('1,2;3'), [], 'half a corner')
  t.same(parseArea('a,b'), [])
  const corners = Array.from({ length: 2000 }, (_, i) => i)
  t.ok(parseArea(formatArea(corners)).length <= 120, 'with few of many corners')
})
