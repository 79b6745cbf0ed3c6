/** What the machine can do at most: copying memory, and sending bytes over loopback. */
import { startProgram, withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

/** Bytes of a page of 256 samples in safetensors, and pages of an epoch of MNIST. */
const [FLOAT_PAGE, RAW_PAGE, PAGES] = [816_000, 214_000, 188]

/** Those of an epoch are together larger than the caches of a processor. */
const programs = {
  'one float32 page of 256, requests not parsed': [FLOAT_PAGE, 1],
  'an epoch of float32 pages of 256, requests not parsed': [FLOAT_PAGE, PAGES],
  'an epoch of float32 pages of 256, by a bare node:http': [FLOAT_PAGE, PAGES, 'http'],
  'one raw page of 256, requests not parsed': [RAW_PAGE, 1],
  'an epoch of raw pages of 256, by a bare node:http': [RAW_PAGE, PAGES, 'http']
}

/** Larger than the caches of a processor. */
const COPIED_BYTES = 256 << 20

export async function limits ({ rounds, seconds }) {
  return await withServers(async use => {
    const contenders = {}
    for (const [name, options] of Object.entries(programs)) {
      contenders[name] = { ...await use(startProgram('fixed-response.js', ...options.map(String))), path: '/' }
    }
    const results = await alternate(contenders, rounds, target => load(target, { seconds }))
    const source = Buffer.alloc(COPIED_BYTES, 1)
    const target = Buffer.alloc(COPIED_BYTES, 2)
    const copied = Array.from({ length: rounds }, () => copy(source, target))
    return [
      { title: 'copying memory, one thread', unit: 'MB/s', ours: copied },
      ...Object.entries(results).map(([name, rounds]) => ({
        title: `Node.js sending ${name}`,
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
