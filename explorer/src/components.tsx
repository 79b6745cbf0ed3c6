import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { placeImage } from '../../src/batch/pad.ts'
import { planeSize, type ImageShape } from '../../src/dataset/image-shape.ts'
import type { Parameter } from './query.ts'

/** Form controls that are bound to parameters of the query string. */

export function Choice<T extends string> ({ label, parameter, values, disabled }: {
  label: string, parameter: Parameter<T>, values: ReadonlyArray<T | [value: T, title: string]>, disabled?: boolean
}) {
  return (
    <label class='field'>{label}
      <select
        value={parameter.value}
        disabled={disabled}
        onChange={event => parameter.set(event.currentTarget.value as T)}
      >
        {values.map(item => {
          const [value, title] = typeof item === 'string' ? [item, item] : item
          return <option key={value} value={value}>{title}</option>
        })}
      </select>
    </label>
  )
}

/** An integer; empty for undefined where the parameter is optional. */
export function NumberField ({ label, parameter, min = 0, max, optional, disabled }: {
  label: string,
  parameter: Parameter<any>,
  min?: number,
  max?: number | undefined,
  optional?: boolean,
  disabled?: boolean
}) {
  return (
    <label class='field'>{label}
      <input
        type='number'
        min={min}
        max={max}
        step={1}
        disabled={disabled}
        placeholder={optional ? 'none' : undefined}
        value={parameter.value ?? ''}
        onInput={event => {
          const { value, validity } = event.currentTarget
          if (value === '' && optional) parameter.set(undefined)
          else if (value !== '' && validity.valid) parameter.set(Number(value))
        }}
      />
    </label>
  )
}

export function CopyButton ({ text, label = 'Copy' }: { text: string | (() => string), label?: string }) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle')
  useEffect(() => {
    if (state === 'idle') return
    const timer = setTimeout(() => setState('idle'), 2000)
    return () => clearTimeout(timer)
  }, [state])
  const copy = async (): Promise<void> => {
    const ok = await copyText(typeof text === 'string' ? text : text())
    setState(ok ? 'copied' : 'failed')
  }
  return (
    <button type='button' onClick={copy}>
      {state === 'idle' ? label : state === 'copied' ? 'Copied' : 'Not copied'}
      <span class='hidden' role='status'>{state === 'copied' ? 'Copied' : ''}</span>
    </button>
  )
}

/** Pages that are served over plain HTTP from other hosts have no clipboard. */
async function copyText (text: string): Promise<boolean> {
  if (navigator.clipboard) return await navigator.clipboard.writeText(text).then(() => true, () => false)
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const ok = document.execCommand('copy')
  area.remove()
  return ok
}

export function Problem ({ error }: { error: Error | undefined }) {
  return error ? <p class='notice error' role='alert'>{error.message}</p> : null
}

export interface PixelImage {
  readonly rows: number
  readonly columns: number
  /** One per pixel, or the red, green and blue of each. */
  readonly values: ArrayLike<number>
}

/** An image whose values are one plane after the other. */
export function fromPlanes (planes: Float32Array, shape: ImageShape): PixelImage {
  const values = new Float32Array(planes.length)
  placeImage(planes, 0, shape, values, 0, { padded: shape, interleaved: true })
  return { rows: shape.rows, columns: shape.columns, values }
}

/** The value of a pixel, or its red, green and blue. */
export function valuesAt ({ rows, columns, values }: PixelImage, row: number, column: number): number[] {
  const channels = values.length / planeSize({ rows, columns })
  const first = (row * columns + column) * channels
  return Array.from({ length: channels }, (_, channel) => values[first + channel]!)
}

/** Maps values to levels from black to white. */
export interface LevelScale {
  readonly low: number
  readonly high: number
}

export const byteScale: LevelScale = { low: 0, high: 255 }

/** The scale from the least to the greatest value. */
export function fullScale (values: ArrayLike<number>): LevelScale {
  let [low, high] = [Infinity, -Infinity]
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!)
    high = Math.max(high, values[i]!)
  }
  return low < high ? { low, high } : { low, high: low + 1 }
}

/**
 * An image of pixels in shades of gray, or in colour.
 *
 * @param onHover called with the position of the pixel below the pointer, or undefined
 */
export function Pixels ({ image, scale = byteScale, label, zoom = 4, onHover }: {
  image: PixelImage | undefined,
  scale?: LevelScale,
  label: string,
  zoom?: number,
  onHover?: (position: { row: number, column: number } | undefined) => void
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const { rows = 28, columns = 28 } = image ?? {}
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!
    if (image) context.putImageData(toImageData(image, scale), 0, 0)
    else context.clearRect(0, 0, columns, rows)
  }, [image, scale.low, scale.high])
  const move = (event: PointerEvent): void => {
    const box = canvas.current!.getBoundingClientRect()
    const column = Math.floor((event.clientX - box.left) / box.width * columns)
    const row = Math.floor((event.clientY - box.top) / box.height * rows)
    if (row >= 0 && row < rows && column >= 0 && column < columns) onHover?.({ row, column })
  }
  return (
    <canvas
      ref={canvas}
      class='pixels'
      width={columns}
      height={rows}
      style={{ width: `${columns * zoom}px`, height: `${rows * zoom}px` }}
      role='img'
      aria-label={label}
      onPointerMove={onHover && move}
      onPointerLeave={onHover && (() => onHover(undefined))}
    />
  )
}

export function toImageData ({ rows, columns, values }: PixelImage, { low, high }: LevelScale): ImageData {
  const data = new ImageData(columns, rows)
  const pixels = new Uint32Array(data.data.buffer)
  const levelAt = (i: number): number => {
    return Math.max(0, Math.min(255, Math.round((values[i]! - low) / (high - low) * 255)))
  }
  const isGray = values.length === pixels.length
  for (let i = 0; i < pixels.length; i++) {
    const red = levelAt(isGray ? i : 3 * i)
    const [green, blue] = isGray ? [red, red] : [levelAt(3 * i + 1), levelAt(3 * i + 2)]
    pixels[i] = 0xff000000 | blue << 16 | green << 8 | red
  }
  return data
}

export function Figure ({ title, children }: { title: ComponentChildren, children: ComponentChildren }) {
  return <figure>{children}<figcaption>{title}</figcaption></figure>
}
