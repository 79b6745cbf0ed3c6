/** Rows of results: their statistics, a table for the terminal, and tables in Markdown. */
import { spawnSync } from 'node:child_process'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { median, ratios, spread } from './rounds.js'

/**
 * Rows for the service beside each alternative.
 *
 * @param results contender → one result of `load` per round; the service is `ours`
 * @param bounds alternative → the smallest accepted ratio
 */
export function compare (title, unit, { ours, ...alternatives }, bounds = {}) {
  const rate = results => results.map(result => result['requests/s'])
  const bandwidth = results => median(results.map(result => result['MB/s']))
  const row = { title, unit, ours: rate(ours), 'MB/s': bandwidth(ours) }
  const rows = Object.entries(alternatives).map(([alternative, theirs]) => {
    return { ...row, alternative, theirs: rate(theirs), 'their MB/s': bandwidth(theirs), minRatio: bounds[alternative] }
  })
  return rows.length > 0 ? rows : [row]
}

/**
 * Replaces the rounds of a row by their medians and ranges, and checks its bound.
 *
 * @param row.ours, row.theirs one value per round
 * @param row.max the largest accepted median
 * @param row.minRatio, row.maxRatio bounds of the median of the ratios
 */
export function summarize ({ ours, theirs, max, minRatio, maxRatio, ...row }) {
  const summary = { ...row, ours: spread(ours) }
  if (theirs) Object.assign(summary, { theirs: spread(theirs), ratio: spread(ratios(ours, theirs)) })
  const ratio = summary.ratio?.median
  if (minRatio !== undefined) return { ...summary, bound: `≥ ${minRatio}`, met: ratio >= minRatio }
  if (maxRatio !== undefined) return { ...summary, bound: `≤ ${maxRatio}`, met: ratio <= maxRatio }
  if (max !== undefined) return { ...summary, bound: `≤ ${max}`, met: summary.ours.median <= max }
  return summary
}

const columns = [
  ['', row => row.title],
  ['unit', row => row.unit],
  ['this service', row => formatNumber(row.ours.median), 'right'],
  ['min – max', row => range(row.ours), 'right'],
  ['MB/s', row => formatNumber(row['MB/s']), 'right'],
  ['alternative', row => row.alternative ?? ''],
  ['', row => formatNumber(row.theirs?.median), 'right'],
  ['min – max', row => range(row.theirs), 'right'],
  ['MB/s', row => formatNumber(row['their MB/s']), 'right'],
  ['ratio', row => row.ratio?.median.toFixed(2) ?? '', 'right'],
  ['bound', row => row.bound ?? ''],
  ['met', row => row.met === undefined ? '' : row.met ? 'yes' : 'NO']
]

export function printTable (rows) {
  const cells = rows.map(row => columns.map(([, cell]) => cell(row)))
  const widths = columns.map(([name], column) => Math.max(name.length, ...cells.map(row => row[column].length)))
  const line = row => row.map((text, column) => {
    return columns[column][2] ? text.padStart(widths[column]) : text.padEnd(widths[column])
  }).join(' │ ').trimEnd()
  console.log(line(columns.map(([name]) => name)))
  console.log(widths.map(width => '─'.repeat(width)).join('─┼─'))
  for (const row of cells) console.log(line(row))
}

/** A table in Markdown; without alternatives and bandwidths, these columns are missing. */
export function markdownTable (rows) {
  const all = [
    ['', '---', row => row.title],
    ['this service', '---:', row => withUnit(row.ours, row.unit)],
    ['MB/s', '---:', row => formatNumber(row['MB/s'])],
    ['alternative', '---', row => row.alternative ?? ''],
    ['', '---:', row => row.theirs ? withUnit(row.theirs, row.unit) : ''],
    ['MB/s', '---:', row => formatNumber(row['their MB/s'])],
    ['ratio', '---:', row => row.ratio?.median.toFixed(2) ?? '']
  ]
  const used = all.filter(([name, , cell], column) => column < 2 || rows.some(row => cell(row) !== ''))
  const line = cells => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |')
  return [
    line(used.map(([name]) => name)),
    `|${used.map(([, alignment]) => alignment).join('|')}|`,
    ...rows.map(row => line(used.map(([, , cell]) => cell(row))))
  ].join('\n')
}

function withUnit (value, unit) {
  const suffix = unit.endsWith('/s') && unit !== 'MB/s' ? '/s' : unit === 'ratio' ? '' : ` ${unit}`
  return `${formatNumber(value.median)}${suffix} (${range(value)})`
}

function range (value) {
  return value === undefined ? '' : `${formatNumber(value.min)} – ${formatNumber(value.max)}`
}

export function formatNumber (value) {
  if (value === undefined) return ''
  return Math.abs(value) >= 100 || value === 0 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

const printPythonVersions = `
import platform
from importlib.metadata import PackageNotFoundError, version
print('python', platform.python_version())
for name in ('numpy', 'fastapi', 'uvicorn', 'uvloop', 'httptools', 'orjson', 'torch', 'torchvision'):
    try:
        print(name, version(name))
    except PackageNotFoundError:
        pass
`

/** Hardware and versions. */
export function describeMachine () {
  const python = output('python3', '-c', printPythonVersions)
  return {
    cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? arch()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    node: process.version.slice(1),
    nginx: output('nginx', '-v').split('/').at(-1),
    wrk: /wrk ([^ ]+)/.exec(output('wrk', '-v'))?.[1] ?? 'none',
    ...Object.fromEntries(python.split('\n').filter(Boolean).map(line => line.split(' ')))
  }
}

/** Both streams, since some programs print their version to standard error. */
function output (command, ...args) {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return `${stdout ?? ''}${stderr ?? ''}`.trim() || 'none'
}
