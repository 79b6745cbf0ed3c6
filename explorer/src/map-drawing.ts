import type { MapView, Polygon, Size } from './map-view.ts'

/** Distinct in both themes. */
const palette = [
  '#3f8fd8', '#e07b1a', '#27a06b', '#d64550', '#8f6fd1', '#9b6a4a', '#d66ab0', '#7f8c9a', '#a9a419', '#19a9b8'
]

/** The color of each class. */
export function classColors (classes: number): string[] {
  if (classes <= palette.length) return palette.slice(0, classes)
  return Array.from({ length: classes }, (_, i) => fromHue(i / classes, i % 2 === 0 ? 0.45 : 0.6))
}

function fromHue (hue: number, lightness: number): string {
  const channel = (shift: number): string => {
    const position = (shift + hue * 12) % 12
    const strength = Math.max(-1, Math.min(position - 3, 9 - position, 1))
    const value = lightness - 0.6 * Math.min(lightness, 1 - lightness) * strength
    return Math.round(value * 255).toString(16).padStart(2, '0')
  }
  return `#${channel(0)}${channel(8)}${channel(4)}`
}

export interface Drawing {
  /** x and y of each sample. */
  readonly points: Float32Array
  readonly labels: Uint8Array
  readonly colors: readonly string[]
  readonly background: string
  /** 1 for each sample to emphasize; undefined for all. */
  readonly emphasized: Uint8Array | undefined
  readonly lasso: Polygon
  readonly accent: string
}

/** How much of the background the samples show that are not emphasized. */
const DIMMED = 0.85

/** The pixels of the last drawing, used again. */
let frame: ImageData | undefined

/**
 * Draws a map. Points are written to memory one by one: for many thousands, that takes a fraction of the time of as
 * many shapes, with and without a graphics card.
 */
export function draw (canvas: HTMLCanvasElement, view: MapView, drawing: Drawing): void {
  const { width, height } = canvas
  const context = canvas.getContext('2d', { alpha: false })!
  if (width === 0 || height === 0) return
  if (frame?.width !== width || frame.height !== height) frame = new ImageData(width, height)
  const pixels = new Uint32Array(frame.data.buffer)
  const ratio = width / canvas.clientWidth
  pixels.fill(toPixel(drawing.background))
  drawPoints(pixels, { width, height }, { ...view, scale: view.scale * ratio }, drawing, ratio)
  context.putImageData(frame, 0, 0)
  drawLasso(context, { width, height }, { ...view, scale: view.scale * ratio }, drawing, ratio)
}

function drawPoints (pixels: Uint32Array, size: Size, view: MapView, drawing: Drawing, ratio: number): void {
  const { points, labels, colors, background, emphasized } = drawing
  const { width, height } = size
  const bright = Uint32Array.from(colors, color => toPixel(color))
  const dim = Uint32Array.from(colors, color => toPixel(color, background, DIMMED))
  const side = Math.max(1, Math.round(ratio * Math.min(6, 1.5 + view.scale / ratio / 60)))
  const { scale } = view
  const left = width / 2 - view.x * scale - side / 2
  const top = height / 2 - view.y * scale - side / 2
  // Emphasized samples are above the others.
  for (const isBright of emphasized ? [0, 1] : [1]) {
    const shades = isBright ? bright : dim
    for (let i = 0; i < labels.length; i++) {
      if (emphasized && emphasized[i] !== isBright) continue
      const x = Math.round(points[2 * i]! * scale + left)
      const y = Math.round(points[2 * i + 1]! * scale + top)
      if (x < 0 || y < 0 || x + side > width || y + side > height) continue
      const shade = shades[labels[i]!]!
      for (let row = y * width + x, end = row + side * width; row < end; row += width) {
        for (let at = row; at < row + side; at++) pixels[at] = shade
      }
    }
  }
}

function drawLasso (
  context: CanvasRenderingContext2D,
  { width, height }: Size,
  view: MapView,
  { lasso, accent }: Drawing,
  ratio: number
): void {
  if (lasso.length < 4) return
  context.beginPath()
  for (let i = 0; i < lasso.length; i += 2) {
    const x = (lasso[i]! - view.x) * view.scale + width / 2
    const y = (lasso[i + 1]! - view.y) * view.scale + height / 2
    context.lineTo(x, y)
  }
  context.closePath()
  context.strokeStyle = accent
  context.lineWidth = 2 * ratio
  context.stroke()
}

/** A color as it is in memory, mixed with another one. */
function toPixel (color: string, other = color, share = 0): number {
  const [a, b] = [toChannels(color), toChannels(other)]
  const [red, green, blue] = a.map((value, i) => Math.round(value * (1 - share) + b[i]! * share))
  return (0xff000000 | blue! << 16 | green! << 8 | red!) >>> 0
}

function toChannels (color: string): number[] {
  const digits = color.trim().slice(1)
  const full = digits.length === 3 ? [...digits].map(digit => digit + digit).join('') : digits
  return [0, 2, 4].map(at => parseInt(full.slice(at, at + 2), 16))
}
