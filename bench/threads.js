/** What compute threads give and take: rates of expensive pages, memory, and the latency of others meanwhile. */
import { setTimeout as delay } from 'node:timers/promises'
import { longestTurns, observeEventLoop } from '../scripts/lib/event-loop.js'
import { cpuSeconds, residentMiB, startQuietService } from '../scripts/lib/server.js'
import { augmentations } from './augmentation.js'
import { withServers } from './alternatives.js'
import { load } from './load.js'
import { compare } from './report.js'
import { alternate } from './rounds.js'

const SPLIT = '/v1/datasets/mnist/splits/train'
const BATCHES = `${SPLIT}/batches?batch_size=256&page={page}`
const PAGES = 187

/** Each URL is requested once. */
const kinds = {
  'pages of 256, augmented by all six': { path: `${BATCHES}&format=safetensors&augment=${augmentations.all}` },
  'pages of 256, augmented by affine transforms': {
    path: `${BATCHES}&format=safetensors&augment=${augmentations.affine}`
  },
  'shuffled JSON pages of 256 as gzip': { path: BATCHES, headers: { 'accept-encoding': 'gzip' } }
}

const MIN_RATIO = 1.6
const MAX_MIB_PER_THREAD = 40
/** Memory is read after this long without a request. */
const REST_MS = 2000

/** Two threads beside one. */
export async function twoThreads ({ rounds, seconds }) {
  return await withServers(async use => {
    const contenders = {
      ours: { ...await use(startQuietService({ settings: { THREADS: '2' } })), seed: 1 },
      'THREADS=1': { ...await use(startQuietService({ settings: { THREADS: '1' } })), seed: 1 }
    }
    const rows = []
    for (const [title, { path, headers }] of Object.entries(kinds)) {
      const results = await alternate(contenders, rounds, async target => {
        const { base, pid } = target
        const query = `&seed=${target.seed++}&epoch={epoch}`
        const before = cpuSeconds(pid)
        const result = await load({ base, path: path + query, headers, pages: PAGES }, { seconds, connections: 4 })
        return { ...result, cores: (cpuSeconds(pid) - before) / seconds }
      })
      rows.push(...compare(`THREADS=2, ${title}`, 'pages/s', results, { 'THREADS=1': MIN_RATIO }))
      for (const [name, threads] of [['THREADS=1', 1], ['ours', 2]]) {
        const ours = results[name].map(({ cores }) => cores)
        rows.push({ title: `cores that the server uses with THREADS=${threads}, ${title}`, unit: 'cores', ours })
      }
    }
    return rows
  })
}

/** Memory at rest after work, and what each further thread adds. */
export async function threadMemory ({ rounds, seconds }) {
  const threads = [1, 2, 4]
  const results = await alternate(Object.fromEntries(threads.map(n => [n, n])), rounds, async n => {
    return await withServers(async use => {
      const { base, pid } = await use(startQuietService({ settings: { THREADS: String(n) } }))
      const path = `${BATCHES}&format=safetensors&augment=${augmentations.all}&seed=1&epoch={epoch}`
      await load({ base, path, pages: PAGES }, { seconds, connections: 4 })
      await delay(REST_MS)
      return residentMiB(pid)
    })
  })
  return [
    ...threads.map(n => ({ title: `RSS after augmenting, THREADS=${n}`, unit: 'MiB', ours: results[n] })),
    {
      title: 'memory of each further thread',
      unit: 'MiB',
      ours: results[4].map((four, round) => (four - results[1][round]) / 3),
      max: MAX_MIB_PER_THREAD
    }
  ]
}

const STREAM_CONNECTIONS = 8
const MAX_P99_RATIO = 2
const MAX_TURN_MS = 10

/** Natural pages of other clients, while one client reads augmented batches of 4096 over several connections. */
export async function besideAugmentation ({ rounds, seconds }) {
  return await withServers(async use => {
    const { base, child } = await use(startQuietService(observeEventLoop))
    const others = { base, path: `${SPLIT}/batches?batch_size=256&format=safetensors&page={page}`, pages: 16 }
    const augmented = {
      base,
      path: `${SPLIT}/batches?batch_size=4096&format=safetensors&page={page}&augment=${augmentations.all}&seed=1` +
        '&epoch={epoch}',
      pages: 11
    }
    const readOthers = () => load(others, { seconds, connections: 1 })
    const results = await alternate({ rounds: 0 }, rounds, async () => {
      await readOthers()
      const before = await readOthers()
      const running = load(augmented, { seconds: seconds + 2, connections: STREAM_CONNECTIONS })
      await delay(1000)
      await longestTurns(child)
      const during = await readOthers()
      const turn = await longestTurns(child)
      const { 'requests/s': rate } = await running
      return { before, during, turn, rate }
    })
    const values = read => results.rounds.map(read)
    const beside = `beside augmented batches of 4096 over ${STREAM_CONNECTIONS} connections`
    return [
      { title: 'p99 of natural pages', unit: 'ms', ours: values(({ before }) => before['p99 ms']) },
      { title: `p99 of natural pages ${beside}`, unit: 'ms', ours: values(({ during }) => during['p99 ms']) },
      {
        title: 'ratio of the two',
        unit: 'ratio',
        ours: values(({ before, during }) => during['p99 ms'] / before['p99 ms']),
        max: MAX_P99_RATIO
      },
      { title: 'augmented samples meanwhile', unit: 'samples/s', ours: values(({ rate }) => rate * 4096) },
      {
        title: 'longest event loop turn meanwhile',
        unit: 'ms',
        ours: values(({ turn }) => turn.wallMs),
        max: MAX_TURN_MS
      },
      {
        title: 'longest event loop turn meanwhile, processor time',
        unit: 'ms',
        ours: values(({ turn }) => turn.processorMs)
      }
    ]
  })
}
