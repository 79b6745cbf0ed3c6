import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { splitNames, type SplitName } from '../../../src/dataset/sample-splits.ts'
import { Choice, CopyButton, Problem } from '../components.tsx'
import { imageShape, list, loadLabels, splitPath } from '../dataset.ts'
import { formatCount, formatValue } from '../numbers.ts'
import { selected, shownClass, shownSplits, tileSize } from '../parameters.ts'
import { integer, linkTo, navigate } from '../query.ts'
import { useResource } from '../resource.ts'
import { createSelection, type Selection } from '../selection.ts'
import { GridDrawing, type GridLayout } from '../grid-drawing.ts'
import { GridRow } from '../grid-row.tsx'
import { SHEET_SAMPLES } from '../tiles.ts'
import type { Dataset } from '../types.ts'
import { SampleImage, type PixelValue } from '../sample-image.tsx'
import { theme } from '../theme.ts'

/** Position of the first visible sample. */
const position = integer('at', 0)

/** Milliseconds without scrolling after which screen readers and tooltips get the visible samples. */
const SETTLE_MS = 120
const GAP = 2
const CAPTION_HEIGHT = 18
/** Tiles below this width have no caption. */
const CAPTION_TILE = 44

const splitChoices: ReadonlyArray<[typeof shownSplits.value, string]> = [
  ['train', 'train'], ['val', 'val'], ['test', 'test'], ['train+val', 'train and val'], ['all', 'all']
]

/** The samples of the splits as a grid that scrolls over all of them. */
export function Samples ({ dataset }: { dataset: Dataset }) {
  const names = namesOf(shownSplits.value)
  const label = shownClass.value
  const labels = useResource(`${dataset.version}/${names}`, async () => {
    return await Promise.all(names.map(name => loadLabels(dataset, name)))
  })
  const maximum = list.value?.limits.max_batch_size ?? SHEET_SAMPLES
  const selection = useMemo(() => {
    return labels.data && createSelection(names, labels.data, label, Math.min(SHEET_SAMPLES, maximum))
  }, [labels.data, label, maximum])
  const current = parseSample(selected.value)
  return (
    <section aria-labelledby='samples-title'>
      <h2 id='samples-title' class='hidden'>Samples</h2>
      <div class='controls'>
        <Choice label='Split' parameter={shownSplits} values={splitChoices} />
        <label class='field'>Class
          <select
            value={label ?? ''}
            onChange={event => {
              const { value } = event.currentTarget
              shownClass.set(value === '' ? undefined : Number(value))
              position.set(0)
            }}
          >
            <option value=''>all</option>
            {dataset.classes.map((name, i) => <option key={name} value={i}>{name}</option>)}
          </select>
        </label>
        <label class='field'>Zoom
          <input
            type='range' min={20} max={112} step={4} value={tileSize.value}
            onInput={event => tileSize.set(Number(event.currentTarget.value))}
          />
        </label>
        <p class='muted' role='status'>{selection ? `${formatCount(selection.count)} samples` : 'Loading…'}</p>
      </div>
      <Problem error={labels.error} />
      {selection && <Grid dataset={dataset} selection={selection} />}
      {current && <Detail dataset={dataset} split={current.split} id={current.id} />}
    </section>
  )
}

function namesOf (choice: typeof shownSplits.value): readonly SplitName[] {
  if (choice === 'all') return splitNames
  return choice === 'train+val' ? ['train', 'val'] : [choice]
}

function parseSample (text: string): { split: SplitName, id: number } | undefined {
  const [name, id] = text.split('/')
  const split = splitNames.find(known => known === name)
  return split && /^\d+$/.test(id ?? '') ? { split, id: Number(id) } : undefined
}

function Grid ({ dataset, selection }: { dataset: Dataset, selection: Selection }) {
  const scroller = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [height, setHeight] = useState(0)
  // Of the rows that are elements; the drawing follows each scroll event.
  const [firstRow, setFirstRow] = useState(0)
  const canvas = useRef<HTMLCanvasElement>(null)
  const drawing = useRef<GridDrawing | undefined>(undefined)
  const frame = useRef(0)
  const settling = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const [active, setActive] = useState<number>()
  const tile = tileSize.value
  const shape = imageShape(dataset)
  const tileHeight = tile * shape.rows / shape.columns
  const hasCaption = tile >= CAPTION_TILE
  const rowHeight = Math.ceil(tileHeight + (hasCaption ? CAPTION_HEIGHT : 0) + GAP)
  const columns = Math.max(1, Math.floor(width / (tile + GAP)))
  const rows = Math.ceil(selection.count / columns)

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      setWidth(entry!.contentRect.width)
      setHeight(entry!.contentRect.height)
    })
    observer.observe(scroller.current!)
    return () => observer.disconnect()
  }, [])

  // Keeps the first visible sample in its place when the layout changes.
  useLayoutEffect(() => {
    if (width === 0) return
    scroller.current!.scrollTop = Math.floor(position.value / columns) * rowHeight
  }, [columns, rowHeight, selection])

  const layout: GridLayout = {
    dataset, selection, columns, tile, tileHeight, gap: GAP, rowHeight, hasCaption, active
  }
  const latest = useRef(layout)
  latest.current = layout
  const redraw = (): void => {
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0
      if (!scroller.current || !drawing.current) return
      const drawn = drawing.current.draw(latest.current, scroller.current.scrollTop)
      scroller.current.dataset['drawn'] = String(drawn)
    })
  }
  useLayoutEffect(() => {
    drawing.current = new GridDrawing(canvas.current!, redraw)
    return () => {
      drawing.current!.close()
      cancelAnimationFrame(frame.current)
      frame.current = 0
      clearTimeout(settling.current)
    }
  }, [])
  useLayoutEffect(() => {
    const ratio = Math.min(2, devicePixelRatio)
    canvas.current!.width = Math.round(width * ratio)
    canvas.current!.height = Math.round(height * ratio)
  }, [width, height])
  useEffect(redraw, [selection, columns, tile, width, height, active, theme.value])

  const settle = (): void => {
    clearTimeout(settling.current)
    const row = Math.floor(scroller.current!.scrollTop / rowHeight)
    setFirstRow(row)
    position.set(Math.min(row * columns, Math.max(0, selection.count - 1)))
  }
  const onScroll = (): void => {
    redraw()
    clearTimeout(settling.current)
    settling.current = setTimeout(settle, SETTLE_MS)
  }

  const visibleRows = Math.ceil(height / rowHeight)
  const activate = (i: number): void => {
    const next = Math.max(0, Math.min(selection.count - 1, i))
    const { split, id } = selection.at(next)
    setActive(next)
    selected.set(`${split}/${id}`)
    const row = Math.floor(next / columns)
    const { scrollTop } = scroller.current!
    if (row * rowHeight < scrollTop) scroller.current!.scrollTop = row * rowHeight
    const bottom = (row + 1) * rowHeight - height
    if (bottom > scrollTop) scroller.current!.scrollTop = bottom
    settle()
  }

  const onKeyDown = (event: KeyboardEvent): void => {
    const from = active ?? firstRow * columns
    const pageRows = Math.max(1, visibleRows - 1) * columns
    const moves: Record<string, number> = {
      ArrowRight: from + 1,
      ArrowLeft: from - 1,
      ArrowDown: from + columns < selection.count ? from + columns : from,
      ArrowUp: from - columns >= 0 ? from - columns : from,
      PageDown: from + pageRows,
      PageUp: from - pageRows,
      Home: event.ctrlKey ? 0 : from - from % columns,
      End: event.ctrlKey ? selection.count - 1 : from - from % columns + columns - 1,
      ' ': from
    }
    const zoom = { '+': 8, '-': -8 }[event.key]
    if (zoom !== undefined) tileSize.set(Math.max(20, Math.min(112, tile + zoom)))
    else if (event.key === 'Enter') openModel(selection, from)
    else if (event.key in moves) activate(moves[event.key]!)
    else return
    event.preventDefault()
  }

  const onClick = (event: MouseEvent): void => {
    const box = canvas.current!.getBoundingClientRect()
    const column = Math.floor((event.clientX - box.left) / (tile + GAP))
    const row = Math.floor((event.clientY - box.top + scroller.current!.scrollTop) / rowHeight)
    if (column < columns && row * columns + column < selection.count) activate(row * columns + column)
  }

  const visible = []
  const endRow = width > 0 ? Math.min(rows, firstRow + visibleRows + 1) : firstRow
  for (let row = firstRow; row < endRow; row++) {
    const activeColumn = active !== undefined && Math.floor(active / columns) === row ? active % columns : -1
    visible.push(
      <GridRow
        key={`${columns}/${row % (visibleRows + 1)}`}
        dataset={dataset} selection={selection} row={row} columns={columns} tile={tile}
        rowHeight={rowHeight} activeColumn={activeColumn}
      />
    )
  }
  return (
    <div
      ref={scroller} class='grid' role='grid' tabIndex={0}
      aria-label='Samples: arrow keys move, Enter opens, + and - zoom'
      aria-rowcount={rows} aria-colcount={columns}
      aria-activedescendant={active === undefined ? undefined : `sample-${active}`}
      onScroll={onScroll} onKeyDown={onKeyDown} onClick={onClick}
    >
      <div class='grid-content' role='presentation' style={{ height: `${rows * rowHeight}px` }}>
        <canvas ref={canvas} aria-hidden='true' style={{ width: `${width}px`, height: `${height}px` }} />
        {visible}
      </div>
    </div>
  )
}

function openModel (selection: Selection, i: number): void {
  const { split, id } = selection.at(i)
  navigate({ view: 'model', split: split === 'train' ? undefined : split, id: String(id) })
}

function Detail ({ dataset, split, id }: { dataset: Dataset, split: SplitName, id: number }) {
  const labels = useResource(`${dataset.version}/${split}`, () => loadLabels(dataset, split))
  const label = labels.data?.[id]
  const [position, setPosition] = useState<PixelValue>()
  useEffect(() => setPosition(undefined), [split, id])
  if (labels.data && label === undefined) return <p class='notice error'>There is no sample {id} in {split}.</p>
  const model = { view: 'model', split: split === 'train' ? undefined : split, id: String(id) }
  return (
    <aside class='detail' aria-label='Selected sample'>
      <SampleImage dataset={dataset} split={split} id={id} zoom={6} onValue={setPosition} />
      <dl>
        <dt>Class</dt><dd data-test='class'>{label === undefined ? '…' : dataset.classes[label]}</dd>
        <dt>Label</dt><dd>{label ?? '…'}</dd>
        <dt>Id</dt><dd data-test='id'>{id}</dd>
        <dt>Split</dt><dd>{split}</dd>
        <dt>Pixel</dt>
        <dd>
          {position
            ? `row ${position.row}, column ${position.column}: ${formatValue(position.values)}`
            : 'point at one'}
        </dd>
      </dl>
      <p class='buttons'>
        <a
          class='button' href={linkTo(model)}
          onClick={event => {
            event.preventDefault()
            navigate(model)
          }}
        >What the model sees
        </a>
        <CopyButton label='Copy id' text={String(id)} />
        <a class='button' href={`${splitPath(dataset, split, `samples/${id}`)}?format=png`}>PNG</a>
        <button type='button' onClick={() => selected.set('')}>Close</button>
      </p>
    </aside>
  )
}
