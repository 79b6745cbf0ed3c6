/** The one table: ours beside each peer, the ratio of both, and whether it is what was wanted. */
import { median, medianRatio } from './rounds.js'

/** What rounds came to: medians, the ratio, and `held` where something was wanted. */
export function summarize ({ title, unit, ours, peer, theirs, wanted, most, mostRatio }) {
  const summary = { title, unit, ours: median(ours) }
  if (peer) Object.assign(summary, { peer, theirs: median(theirs), ratio: medianRatio(ours, theirs) })
  if (wanted !== undefined) Object.assign(summary, { wanted: `≥ ${wanted}`, held: summary.ratio >= wanted })
  if (mostRatio !== undefined) Object.assign(summary, { wanted: `≤ ${mostRatio}`, held: summary.ratio <= mostRatio })
  if (most !== undefined) Object.assign(summary, { wanted: `≤ ${most} ${unit === 'ratio' ? '' : unit}`.trim(), held: summary.ours <= most })
  return { ...summary, rounds: { ours, ...(theirs && { theirs }) } }
}

export function printTable (summaries) {
  const rows = summaries.map(({ title, unit, ours, peer, theirs, ratio, wanted, held }) => [
    title, unit, figure(ours), peer ?? '', figure(theirs), ratio === undefined ? '' : ratio.toFixed(2), wanted ?? '', held === undefined ? '' : held ? 'yes' : 'NO'
  ])
  const head = ['what', 'unit', 'ours', 'beside', 'theirs', 'ratio', 'wanted', 'held']
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map(row => row[column].length)))
  const line = cells => cells.map((cell, column) => [2, 4, 5].includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])).join(' │ ').trimEnd()
  console.log(line(head))
  console.log(widths.map(width => '─'.repeat(width)).join('─┼─'))
  for (const row of rows) console.log(line(row))
}

function figure (value) {
  if (value === undefined) return ''
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}
