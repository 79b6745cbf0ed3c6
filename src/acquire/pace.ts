import type { ReportProgress } from '../dataset/entry.ts'

/** Reports come so far apart at least. */
const INTERVAL_MS = 100

/** How much the last interval weighs in the rate. */
const SMOOTHING = 0.3

/**
 * Reports how far a download is, how fast it goes, smoothed, and how long the rest will take at that rate.
 *
 * @param item as reports call it
 * @returns what is to be told of the bytes that are done, and of all that there are
 */
export function pacedReport (item: string, report: ReportProgress): (done: number, total: number) => void {
  let last: { readonly time: number, readonly done: number } | undefined
  let rate: number | undefined
  return (done, total) => {
    const time = performance.now()
    if (last && time - last.time < INTERVAL_MS && done < total) return
    if (last) {
      const current = Math.max(0, done - last.done) / Math.max(time - last.time, 1) * 1000
      rate = rate === undefined ? current : SMOOTHING * current + (1 - SMOOTHING) * rate
    }
    last = { time, done }
    report({ stage: 'acquire', item, done, total, ...(rate && { rate: Math.round(rate), remaining: Math.ceil((total - done) / rate) }) })
  }
}
