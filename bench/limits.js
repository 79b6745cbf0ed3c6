/** What the machine can do at most: copying memory, and sending bytes over loopback. */
import { startProgram, withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

/** Of a page of 256 samples in safetensors. */
const sizes = { 'float32 pages of 256': 816_000, 'raw pages of 256': 214_000 }

/** Larger than the caches of a processor. */
const COPIED_BYTES = 256 << 20

export async function limits ({ rounds, seconds }) {
  return await withServers(async use => {
    const contenders = {}
    for (const [name, bytes] of Object.entries(sizes)) {
      contenders[name] = { ...await use(startProgram('fixed-response.js', String(bytes))), path: '/' }
    }
    const results = await alternate(contenders, rounds, target => load(target, { seconds }))
    const source = Buffer.alloc(COPIED_BYTES, 1)
    const target = Buffer.alloc(COPIED_BYTES, 2)
    const copied = Array.from({ length: rounds }, () => copy(source, target))
    return [
      { title: 'copying memory, one thread', unit: 'MB/s', ours: copied },
      ...Object.entries(results).map(([name, rounds]) => ({
        title: `Node.js, one buffer as large as ${name}, requests not parsed`,
        unit: 'pages/s',
        ours: rounds.map(result => result['requests/s']),
        'MB/s': rounds.reduce((sum, result) => sum + result['MB/s'], 0) / rounds.length
      }))
    ]
  })
}

/** Megabytes per second. */
function copy (source, target) {
  const start = performance.now()
  source.copy(target)
  return source.length / 1e3 / (performance.now() - start)
}
