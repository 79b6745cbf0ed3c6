import { imageShape, splitPath } from './dataset.ts'
import type { Selection, Tile } from './selection.ts'
import { SHEET_COLUMNS, releaseSheet, useSheet, type Sheet } from './tiles.ts'
import type { Dataset } from './types.ts'

export interface GridLayout {
  readonly dataset: Dataset
  readonly selection: Selection
  readonly columns: number
  readonly tile: number
  readonly tileHeight: number
  readonly gap: number
  readonly rowHeight: number
  readonly hasCaption: boolean
  /** Number of the selected sample, if there is one. */
  readonly active: number | undefined
}

interface HeldSheet {
  readonly sheet: Sheet
  readonly stopWatching: () => void
}

const OUTLINE = 3
const CAPTION_FONT = 11

/**
 * Draws the visible samples of a grid. Each frame of scrolling shows other samples: that many elements would take
 * longer to lay out than a frame may.
 */
export class GridDrawing {
  readonly #canvas: HTMLCanvasElement
  /** Called when a picture has arrived. */
  readonly #onLoad: () => void
  #held = new Map<string, HeldSheet>()

  constructor (canvas: HTMLCanvasElement, onLoad: () => void) {
    this.#canvas = canvas
    this.#onLoad = onLoad
  }

  /** Draws what is visible from this scroll position on, and returns how many samples have their picture. */
  draw (layout: GridLayout, scrollTop: number): number {
    const { selection, columns, tile, tileHeight, gap, rowHeight, hasCaption, active } = layout
    const canvas = this.#canvas
    const context = canvas.getContext('2d', { alpha: false })!
    const ratio = canvas.width / Math.max(1, canvas.clientWidth)
    const style = getComputedStyle(canvas)
    const [text, muted] = [style.getPropertyValue('--text'), style.getPropertyValue('--muted')]
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.fillStyle = style.getPropertyValue('--background')
    context.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight)
    context.imageSmoothingEnabled = false
    context.textBaseline = 'middle'
    context.font = `${CAPTION_FONT}px ${style.fontFamily}`

    const first = Math.floor(scrollTop / rowHeight) * columns
    const end = Math.min(selection.count, Math.ceil((scrollTop + canvas.clientHeight) / rowHeight) * columns)
    const sheets = this.#holdSheets(layout, first, end)
    let drawn = 0
    context.fillStyle = '#000'
    for (let i = first; i < end; i++) {
      const x = i % columns * (tile + gap)
      const y = Math.floor(i / columns) * rowHeight - scrollTop
      const place = selection.tile(i)
      const bitmap = sheets.get(keyOf(place))?.sheet.bitmap.peek()
      if (!bitmap) {
        context.fillRect(x, y, tile, tileHeight)
        continue
      }
      drawn++
      const [width, height] = [bitmap.width / SHEET_COLUMNS, sampleHeight(bitmap, layout)]
      const left = place.index % SHEET_COLUMNS * width
      const top = Math.floor(place.index / SHEET_COLUMNS) * height
      context.drawImage(bitmap, left, top, width, height, x, y, tile, tileHeight)
    }
    if (hasCaption) drawCaptions(context, layout, first, end, scrollTop, text, muted)
    if (active !== undefined && active >= first && active < end) {
      context.strokeStyle = style.getPropertyValue('--mark')
      context.lineWidth = OUTLINE
      const x = active % columns * (tile + gap) + OUTLINE / 2
      const y = Math.floor(active / columns) * rowHeight - scrollTop + OUTLINE / 2
      context.strokeRect(x, y, tile - OUTLINE, rowHeight - gap - OUTLINE)
    }
    return drawn
  }

  /** Gives the pictures back. */
  close (): void {
    for (const held of this.#held.values()) release(held)
    this.#held.clear()
  }

  /** The sheets of these samples; others that the last drawing had are released. */
  #holdSheets ({ dataset, selection }: GridLayout, first: number, end: number): Map<string, HeldSheet> {
    const next = new Map<string, HeldSheet>()
    for (let i = first; i < end; i++) {
      const place = selection.tile(i)
      const key = keyOf(place)
      if (next.has(key)) continue
      next.set(key, this.#held.get(key) ?? this.#hold(dataset, place))
      this.#held.delete(key)
    }
    for (const held of this.#held.values()) release(held)
    this.#held = next
    return next
  }

  #hold (dataset: Dataset, { split, query }: Tile): HeldSheet {
    const sheet = useSheet(splitPath(dataset, split, 'thumbnails'), {
      ...query, columns: SHEET_COLUMNS, version: dataset.version
    }, true)
    return { sheet, stopWatching: sheet.bitmap.subscribe(bitmap => { if (bitmap) this.#onLoad() }) }
  }
}

function release ({ sheet, stopWatching }: HeldSheet): void {
  stopWatching()
  releaseSheet(sheet)
}

function keyOf ({ split, query }: Tile): string {
  return `${split}/${query['page'] ?? query['ids']}`
}

/** A sheet may have fewer samples than others, but its samples have the size of all. */
function sampleHeight ({ width }: ImageBitmap, { dataset }: GridLayout): number {
  const { rows, columns } = imageShape(dataset)
  return width / SHEET_COLUMNS * rows / columns
}

function drawCaptions (
  context: CanvasRenderingContext2D,
  { dataset, selection, columns, tile, tileHeight, gap, rowHeight }: GridLayout,
  first: number,
  end: number,
  scrollTop: number,
  text: string,
  muted: string
): void {
  const captionHeight = rowHeight - tileHeight - gap
  const names = dataset.classes.map(name => ({ name, width: context.measureText(`${name} `).width }))
  const bold = context.font.replace(/^/, 'bold ')
  const plain = context.font
  // One style after the other, since changing it takes longer than writing.
  for (const isName of [true, false]) {
    context.font = isName ? bold : plain
    context.fillStyle = isName ? text : muted
    for (let i = first; i < end; i++) {
      const x = i % columns * (tile + gap)
      const y = Math.floor(i / columns) * rowHeight - scrollTop + tileHeight + captionHeight / 2
      const { id, label } = selection.at(i)
      const { name, width } = names[label]!
      if (isName) context.fillText(name, x + 2, y, tile - 4)
      else if (width < tile / 2) context.fillText(String(id), x + 6 + width, y, tile - width - 8)
    }
  }
}
