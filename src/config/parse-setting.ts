/** The values of settings that are more than one word. */

/** The distinct items of a comma-separated list. */
export function parseList (value: string): string[] {
  return [...new Set(value.split(',').map(item => item.trim()).filter(item => item !== ''))]
}

/** The fraction of successes to log; NaN for an invalid value. */
export function parseAccessLog (value: string): number {
  if (value === 'all') return 1
  if (value === 'errors') return 0
  return /^\d*\.?\d+$/.test(value) ? Number(value) : NaN
}
