/**
 * Measures how long each kind of request keeps other requests waiting: the longest turns of the event loop, while a
 * dataset is loaded beside one that is ready, and for every kind of request, with images of up to 1024×1024. No turn
 * may exceed 30 ms. Small requests that are made to be expensive may take 10 ms of the processor.
 *
 * The system may take the processor away from the server, so a request with a longer turn is sent again, and fails if
 * that happens every time. The first request of each kind, whose code may not be compiled yet, is sent to new servers.
 *
 *     npm run drill -- turns [name of a dataset …]
 */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hostileRequests, sendRaw } from './turns/hostile.js'
import { datasets, writeDatasets } from './turns/datasets.js'
import { pages, requestsFor, send } from './turns/requests.js'
import * as checks from '../lib/checks.js'
import { longestTurn, longestTurns, observeEventLoop } from '../lib/event-loop.js'
import { temporaryFolder } from '../lib/files.js'
import { ready, startQuietService, startService } from '../lib/server.js'

const LIMIT_MS = 30
const HOSTILE_LIMIT_MS = 10
const ATTEMPTS = 5
/** Requests of a kind after the first one. */
const REQUESTS = 2

const { positionals } = parseArgs({ allowPositionals: true })
const names = positionals.length > 0 ? positionals : datasets.map(({ name }) => name)
const folder = temporaryFolder('event-loop')
const dataFolder = join(folder, 'data')
let requests = 0
writeDatasets(folder)
await checkHostileRequests()
await checkRequests(pages, 'mnist')
for (const dataset of datasets) {
  const { name } = dataset
  if (!names.includes(name)) continue
  for (const denoise of name === 'mnist' ? [] : ['none', 'median3', 'gaussian']) {
    await check(`${name}: loaded beside mnist, DENOISE=${denoise}`, () => load(name, denoise))
  }
  await checkRequests(requestsFor(dataset), name)
}

/** The longest turn from the moment at which MNIST is ready until the other dataset is. */
async function load (name, denoise) {
  const settings = settingsFor(['mnist', name], mkdtempSync(join(folder, 'prepared-')))
  const server = await startService({ ...observeEventLoop, settings: { ...settings, DENOISE: denoise } })
  await longestTurn(server.child)
  await ready(server.base)
  const turn = await longestTurn(server.child)
  await server.stop()
  return turn
}

async function checkRequests (kinds, dataset) {
  let server = await start(dataset)
  for (const kind of kinds) {
    const title = `${dataset}: ${kind.title}`
    let isFirst = true
    await check(`${title}, first`, async () => {
      if (!isFirst) {
        await server.stop()
        server = await start(dataset)
      }
      isFirst = false
      return await measure(server, kind)
    })
    await check(title, async () => {
      const turns = []
      for (let i = 0; i < REQUESTS; i++) turns.push(await measure(server, kind))
      return Math.max(...turns)
    })
  }
  await server.stop()
}

async function checkHostileRequests () {
  const settings = { ...settingsFor(['mnist'], dataFolder), TRUST_PROXY: '127.0.0.1' }
  const server = await startQuietService({ ...observeEventLoop, settings })
  for (const { title, request } of hostileRequests) {
    await check(`hostile: ${title}`, async () => {
      await longestTurns(server.child)
      const status = await sendRaw(server.base, request)
      if (!(status < 500)) throw new Error(`${title}: responds with ${status}`)
      return (await longestTurns(server.child)).processorMs
    }, HOSTILE_LIMIT_MS)
  }
  await server.stop()
}

function start (name) {
  return startQuietService({ ...observeEventLoop, settings: settingsFor([name], dataFolder) })
}

function settingsFor (names, dataFolder) {
  return { DATASETS: names.join(','), DATA_DIR: dataFolder, SOURCE_DIR: folder, OFFLINE: '1' }
}

async function measure ({ base, child }, kind) {
  await longestTurn(child)
  await send(base, { ...kind, path: kind.path.replaceAll('{n}', () => ++requests) })
  return await longestTurn(child)
}

/** Repeats a measurement that exceeds the limit, and prints all of them. */
async function check (title, measureTurn, limitMs = LIMIT_MS) {
  const turns = []
  do turns.push(await measureTurn()); while (turns.at(-1) > limitMs && turns.length < ATTEMPTS)
  checks.check(title, turns.at(-1) <= limitMs, `${turns.map(ms => ms.toFixed(1)).join(', ')} ms`)
}
