import { Component } from 'preact'
import { splitPath } from './dataset.ts'
import type { Selection, Tile as TilePlace } from './selection.ts'
import { SHEET_COLUMNS, releaseSheet, useSheet, type Sheet } from './tiles.ts'
import type { Dataset } from './types.ts'

interface RowProps {
  readonly dataset: Dataset
  readonly selection: Selection
  readonly row: number
  readonly columns: number
  readonly tile: number
  readonly tileHeight: number
  readonly rowHeight: number
  readonly hasCaption: boolean
  /** -1 for none. */
  readonly activeColumn: number
  readonly onSelect: (i: number) => void
}

/** One row of the grid, which renders again only when it changes. Rows that scroll out of view become others. */
export class GridRow extends Component<RowProps> {
  override shouldComponentUpdate (next: RowProps): boolean {
    const { row, tile, activeColumn, selection, columns } = this.props
    return next.row !== row || next.tile !== tile || next.activeColumn !== activeColumn ||
      next.selection !== selection || next.columns !== columns
  }

  override render () {
    const { dataset, selection, row, columns, tile, tileHeight, rowHeight, hasCaption, activeColumn } = this.props
    const cells = []
    for (let column = 0; column < columns; column++) {
      const i = row * columns + column
      if (i >= selection.count) break
      const { split, id, label } = selection.at(i)
      const name = dataset.classes[label]!
      cells.push(
        <div
          key={column} id={`sample-${i}`} class='cell' role='gridcell' aria-colindex={column + 1}
          aria-selected={column === activeColumn} aria-label={`${name}, ${split} ${id}`}
          style={{ width: `${tile}px` }} title={`${name} · ${split} ${id}`}
          onClick={() => this.props.onSelect(i)}
        >
          <TilePicture
            dataset={dataset} place={selection.tile(i)} width={tile} height={tileHeight}
          />
          {hasCaption && <span class='caption'><b>{name}</b> <i>{id}</i></span>}
        </div>
      )
    }
    return (
      <div
        class='row' role='row' aria-rowindex={row + 1}
        style={{ transform: `translateY(${row * rowHeight}px)`, height: `${rowHeight}px` }}
      >{cells}
      </div>
    )
  }
}

interface TileProps {
  readonly dataset: Dataset
  readonly place: TilePlace
  readonly width: number
  readonly height: number
}

/** A thumbnail, cut out of its sheet. */
export class TilePicture extends Component<TileProps> {
  #sheet: Sheet | undefined
  #key = ''

  /** The sheet of the current place; the one before is released after it, so that a common one stays. */
  #update ({ dataset, place: { split, query } }: TileProps): Sheet {
    const key = `${dataset.version}/${split}/${Object.values(query)}`
    if (this.#sheet && key === this.#key) return this.#sheet
    const previous = this.#sheet
    this.#key = key
    this.#sheet = useSheet(splitPath(dataset, split, 'thumbnails'), {
      ...query, columns: SHEET_COLUMNS, version: dataset.version
    })
    if (previous) releaseSheet(previous)
    return this.#sheet
  }

  override componentWillUnmount (): void {
    if (this.#sheet) releaseSheet(this.#sheet)
  }

  override render (props: TileProps) {
    const { place: { index }, width, height } = props
    const url = this.#update(props).url.value
    const left = -(index % SHEET_COLUMNS) * width
    const top = -Math.floor(index / SHEET_COLUMNS) * height
    return (
      <span
        class='tile'
        style={{
          width: `${width}px`,
          height: `${height}px`,
          backgroundImage: url === undefined ? 'none' : `url(${url})`,
          backgroundSize: `${SHEET_COLUMNS * width}px auto`,
          backgroundPosition: `${left}px ${top}px`
        }}
      />
    )
  }
}
