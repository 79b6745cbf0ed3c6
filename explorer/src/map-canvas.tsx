import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { draw, type Drawing } from './map-drawing.ts'
import {
  nearestPoint, pan, toPlane, visibleArea, wholeView, zoom, type MapView, type Polygon, type Size
} from './map-view.ts'
import { theme } from './theme.ts'

interface Props {
  readonly points: Float32Array
  readonly labels: Uint8Array
  readonly colors: readonly string[]
  readonly emphasized: Uint8Array | undefined
  /** The selected area. */
  readonly area: Polygon
  /** Where the map starts; undefined for all of it. */
  readonly start: MapView | undefined
  readonly isLasso: boolean
  readonly label: string
  readonly onView: (view: MapView | undefined) => void
  readonly onArea: (area: Polygon) => void
  readonly onPoint: (id: number | undefined) => void
  readonly onOpen: (id: number) => void
}

/** Pixels that an arrow key moves. */
const STEP = 60
const ZOOM = 1.3
/** Pixels between a point and the pointer that still touches it. */
const REACH = 8
/** Milliseconds without a change after which the link has the view. */
const SETTLE_MS = 250

/** A map that can be dragged and zoomed, and on which an area can be drawn. */
export function MapCanvas (props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [size, setSize] = useState<Size>({ width: 0, height: 0 })
  // Not state: a frame must not render the page.
  const view = useRef<MapView | undefined>(undefined)
  const lasso = useRef<number[]>([])
  const latest = useRef(props)
  latest.current = props
  const requested = useRef(0)
  const settling = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)

  const redraw = (): void => {
    requested.current ||= requestAnimationFrame(() => {
      requested.current = 0
      const { points, labels, colors, emphasized, area } = latest.current
      if (!canvas.current || !view.current) return
      const style = getComputedStyle(document.documentElement)
      const drawing: Drawing = {
        points,
        labels,
        colors,
        emphasized,
        background: style.getPropertyValue('--background'),
        accent: style.getPropertyValue('--accent'),
        lasso: lasso.current.length > 0 ? lasso.current : area
      }
      draw(canvas.current, view.current, drawing)
    })
  }
  const show = (next: MapView | undefined): void => {
    view.current = next ?? wholeView(props.points, size)
    redraw()
    clearTimeout(settling.current)
    settling.current = setTimeout(() => latest.current.onView(next), SETTLE_MS)
  }

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect
      const ratio = Math.min(2, devicePixelRatio)
      canvas.current!.width = Math.round(width * ratio)
      canvas.current!.height = Math.round(height * ratio)
      setSize({ width, height })
    })
    observer.observe(canvas.current!)
    return () => {
      observer.disconnect()
      clearTimeout(settling.current)
      cancelAnimationFrame(requested.current)
    }
  }, [])
  useEffect(() => {
    if (size.width === 0) return
    view.current = latest.current.start ?? wholeView(props.points, size)
    redraw()
  }, [props.points, size.width, size.height])
  useEffect(redraw, [props.labels, props.colors, props.emphasized, props.area, theme.value])

  // Not passive, unlike the listeners of Preact: the page must not scroll.
  useEffect(() => {
    const onWheel = (event: WheelEvent): void => {
      if (!view.current) return
      event.preventDefault()
      show(zoom(view.current, size, Math.exp(-event.deltaY / 300), positionOf(event)))
    }
    const element = canvas.current!
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [size.width, size.height])

  const positionOf = (event: MouseEvent): { x: number, y: number } => {
    const box = canvas.current!.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  const planeOf = (event: MouseEvent): [number, number] => {
    const { x, y } = positionOf(event)
    return toPlane(view.current!, size, x, y)
  }
  const pointAt = (event: MouseEvent): number | undefined => {
    return view.current && nearestPoint(props.points, ...planeOf(event), REACH / view.current.scale)
  }

  const onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0 || !view.current) return
    const { isLasso } = props
    let [x, y] = [event.clientX, event.clientY]
    let hasMoved = false
    if (isLasso) lasso.current = [...planeOf(event)]
    const onMove = (moved: PointerEvent): void => {
      const [dx, dy] = [moved.clientX - x, moved.clientY - y]
      if (!hasMoved && Math.hypot(dx, dy) < 3) return
      hasMoved = true
      ;[x, y] = [moved.clientX, moved.clientY]
      if (isLasso) {
        lasso.current.push(...planeOf(moved))
        redraw()
      } else {
        show(pan(view.current!, dx, dy))
      }
    }
    const onUp = (released: PointerEvent): void => {
      removeEventListener('pointermove', onMove)
      removeEventListener('pointerup', onUp)
      removeEventListener('pointercancel', onUp)
      const drawn = lasso.current
      lasso.current = []
      if (isLasso) latest.current.onArea(drawn.length >= 6 ? drawn : [])
      const id = hasMoved ? undefined : pointAt(released)
      if (id !== undefined) latest.current.onOpen(id)
      redraw()
    }
    addEventListener('pointermove', onMove)
    addEventListener('pointerup', onUp)
    addEventListener('pointercancel', onUp)
  }

  const onKeyDown = (event: KeyboardEvent): void => {
    if (!view.current || event.ctrlKey || event.metaKey || event.altKey) return
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP]
    }
    if (event.key in moves) show(pan(view.current, ...moves[event.key]!))
    else if (event.key === '+' || event.key === '=') show(zoom(view.current, size, ZOOM))
    else if (event.key === '-') show(zoom(view.current, size, 1 / ZOOM))
    else if (event.key === '0') show(undefined)
    else if (event.key === 'Enter') props.onArea(visibleArea(view.current, size))
    else if (event.key === 'Escape') props.onArea([])
    else return
    event.preventDefault()
  }

  return (
    <>
      <canvas
        ref={canvas} class={props.isLasso ? 'map lasso' : 'map'} tabIndex={0} role='application'
        aria-label={props.label}
        onPointerDown={onPointerDown}
        onPointerMove={event => { if (event.buttons === 0) props.onPoint(pointAt(event)) }}
        onPointerLeave={() => props.onPoint(undefined)}
        onKeyDown={onKeyDown}
      />
      <p class='buttons'>
        <button type='button' onClick={() => view.current && show(zoom(view.current, size, ZOOM))}>Zoom in</button>
        <button type='button' onClick={() => view.current && show(zoom(view.current, size, 1 / ZOOM))}>
          Zoom out
        </button>
        <button type='button' onClick={() => show(undefined)}>Show all</button>
        <button type='button' onClick={() => view.current && props.onArea(visibleArea(view.current, size))}>
          Select what is visible
        </button>
        <button type='button' disabled={props.area.length === 0} onClick={() => props.onArea([])}>
          Select nothing
        </button>
      </p>
    </>
  )
}
