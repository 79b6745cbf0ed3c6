/** Line charts as SVG. */

const WIDTH = 720
const HEIGHT = 360
const MARGIN = { left: 76, right: 190, top: 16, bottom: 44 }
const colors = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#3ca951', '#a463f2', '#ff8ab7', '#9c6b4e', '#97bbf5']

/**
 * @param chart.x, chart.y their `ticks`, from the lowest to the highest, `format`, `title` and whether they are
 *   `logarithmic`
 * @param chart.lines `label` and `points` of each, as pairs of x and y; lines of one label share a color
 */
export function lineChart ({ title, x, y, lines }) {
  const right = WIDTH - MARGIN.right
  const bottom = HEIGHT - MARGIN.bottom
  const left = scale(x, MARGIN.left, right)
  const top = scale(y, bottom, MARGIN.top)
  const labels = [...new Set(lines.map(({ label }) => label))]
  const colorOf = label => colors[labels.indexOf(label) % colors.length]
  const polylines = lines.map(({ label, points }) => {
    const path = points.map(([x, y]) => `${left(x).toFixed(1)},${top(y).toFixed(1)}`).join(' ')
    return `<polyline points="${path}" fill="none" stroke="${colorOf(label)}" stroke-width="1.5" stroke-opacity="0.8"/>`
  })
  const rows = y.ticks.map(tick => {
    const text = `<text x="${MARGIN.left - 8}" y="${top(tick) + 4}" text-anchor="end">${y.format(tick)}</text>`
    return `<path d="M${MARGIN.left} ${top(tick)}H${right}" stroke="#ddd"/>${text}`
  })
  const columns = x.ticks.map(tick => {
    return `<text x="${left(tick)}" y="${bottom + 18}" text-anchor="middle">${x.format(tick)}</text>`
  })
  const legend = labels.map((label, index) => {
    const y = MARGIN.top + 14 + 20 * index
    return `<path d="M${right + 16} ${y - 4}h18" stroke="${colorOf(label)}" stroke-width="2"/>` +
      `<text x="${right + 40}" y="${y}">${label}</text>`
  })
  return `<svg
 xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="100%" height="100%" fill="#fff"/>
${[...rows, ...columns, ...polylines, ...legend].join('\n')}
<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${x.title}</text>
</svg>
`
}

/** Maps values to pixels; those beyond the ticks are drawn at the edge. */
function scale ({ ticks, logarithmic = false }, start, end) {
  const map = logarithmic ? Math.log : value => value
  const [lowest, highest] = [map(ticks[0]), map(ticks.at(-1))]
  return value => {
    const share = (map(value) - lowest) / (highest - lowest)
    return start + Math.min(Math.max(share, 0), 1) * (end - start)
  }
}
