import { Component } from 'preact'
import { splitPath } from './dataset.ts'
import type { Tile as TilePlace } from './selection.ts'
import { SHEET_COLUMNS, releaseSheet, useSheet, type Sheet } from './tiles.ts'
import type { Dataset } from './types.ts'

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
