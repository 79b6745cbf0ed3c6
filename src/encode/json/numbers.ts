import type { Batch } from '../../batch/batch.ts'
import { shortestHalfText } from './float16.ts'
import { shortestText } from './float32.ts'

type Images = Batch['images']['data']

/** Gives the text of one element, shortest for the dtype of these. */
export function textOf (data: Images): (element: number) => string {
  return data instanceof Uint16Array ? shortestHalfText : shortestText
}

/** The numbers that JSON.stringify writes as the shortest texts of these elements. */
export function shortestNumbers (data: Images): number[] {
  const text = textOf(data)
  return Array.from(data, element => Number(text(element)))
}
