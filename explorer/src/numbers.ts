/** Numbers as people read them. */

export function formatCount (value: number): string {
  return value.toLocaleString('en')
}

export function formatBytes (bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

export function formatSeconds (seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`
}

export function formatPercent (share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

/** The shortest decimals of a float32, or of several. */
export function formatValue (value: number | readonly number[]): string {
  if (typeof value !== 'number') return value.map(formatValue).join(', ')
  return Number.isInteger(value) ? String(value) : value.toPrecision(6).replace(/\.?0+$/, '')
}
