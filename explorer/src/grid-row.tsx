import { Component } from 'preact'
import type { Selection } from './selection.ts'
import type { Dataset } from './types.ts'

interface RowProps {
  readonly dataset: Dataset
  readonly selection: Selection
  readonly row: number
  readonly columns: number
  readonly tile: number
  readonly rowHeight: number
  /** -1 for none. */
  readonly activeColumn: number
}

/** The cells of a row for screen readers and tooltips, above their picture. Renders again only when it changes. */
export class GridRow extends Component<RowProps> {
  override shouldComponentUpdate (next: RowProps): boolean {
    const { row, tile, activeColumn, selection, columns } = this.props
    return next.row !== row || next.tile !== tile || next.activeColumn !== activeColumn ||
      next.selection !== selection || next.columns !== columns
  }

  override render () {
    const { dataset, selection, row, columns, tile, rowHeight, activeColumn } = this.props
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
        />
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
