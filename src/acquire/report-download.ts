import type { ReportProgress } from '../dataset/progress.ts'

/** Shortest time between two progress reports. */
const REPORT_INTERVAL_MS = 100

/** Weight of the latest interval in the smoothed rate. */
const RATE_SMOOTHING = 0.3

/**
 * Throttles progress reports, and adds a smoothed rate in bytes per second and the remaining seconds.
 *
 * @param item name of the download in reports
 * @param expectedBytes total to report if the server does not state it
 * @returns the `progress` option of a download
 */
export function reportDownload (
  item: string,
  expectedBytes: number,
  report: ReportProgress
): (done: number, total: number | undefined) => void {
  let last: { readonly time: number, readonly done: number } | undefined
  let rate: number | undefined
  return (done, total = expectedBytes) => {
    const time = performance.now()
    if (last && time - last.time < REPORT_INTERVAL_MS && done < total) return
    if (last) {
      const current = Math.max(0, done - last.done) / Math.max(time - last.time, 1) * 1000
      rate = rate === undefined ? current : RATE_SMOOTHING * current + (1 - RATE_SMOOTHING) * rate
    }
    last = { time, done }
    const estimate = rate && { rate: Math.round(rate), remaining: Math.ceil((total - done) / rate) }
    report({ stage: 'acquire', item, done, total, ...estimate })
  }
}
