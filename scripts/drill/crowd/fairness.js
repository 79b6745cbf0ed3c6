/**
 * Hostile clients, and a bystander at another address: its compressed pages may take at most twice as long as from an
 * idle server, and probes 250 ms.
 */
import { once } from 'node:events'
import { get as request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../../lib/statistics.js'
import { batches, open } from './client.js'

const PAGES = 200
const MAX_SLOWDOWN = 2
const MAX_READY_MS = 250
const MAX_SETTLING_SECONDS = 60
const stream = batches.replace('batches', 'stream')
const augmented = 'batch_size=4096&augment=rotate:15'

export const fairness = [
  {
    name: '16 augmented, 21 br and 64 gzip streams of which only the headers are read',
    attack: server => Promise.all([
      ...Array.from({ length: 16 }, () => pause(server, `${stream}?format=arrow&${augmented}`)),
      ...Array.from({ length: 21 }, () => pause(server, stream, 'br')),
      ...Array.from({ length: 64 }, () => pause(server, stream, 'gzip'))
    ])
  },
  {
    name: 'MAX_CONNECTIONS connections of which nothing is read',
    settings: { MAX_CONNECTIONS: '400', STALL_TIMEOUT: '3600' },
    attack: server => Promise.all(Array.from({ length: 450 }, (_, i) => {
      return pause(server, `${batches}?format=safetensors&batch_size=4096&seed=${i % 8}`)
    }))
  },
  {
    name: '150 connections with four pipelined requests each',
    settle: () => delay(2000),
    async attack (server) {
      const flooding = new AbortController()
      const flood = async number => {
        for (let i = 0; !flooding.signal.aborted; i++) {
          const socket = await open(server.base)
          socket.on('error', () => {})
          const requestOf = n => `GET ${batches}?seed=${number}&epoch=${4 * i + n} HTTP/1.1\r\nHost: a\r\n` +
            `Accept-Encoding: br\r\n${n === 3 ? 'Connection: close\r\n' : ''}\r\n`
          socket.write([0, 1, 2, 3].map(requestOf).join(''))
          await new Promise(resolve => socket.resume().once('close', resolve))
        }
      }
      const floods = Array.from({ length: 150 }, (_, number) => flood(number))
      return [{ destroy: () => flooding.abort() }, { destroy: () => Promise.all(floods) }]
    }
  }
].map(({ name, settings, attack, settle = untilIdle }) => ({
  name,
  settings,
  async run (server) {
    // The first pages are slower.
    await measure(server, 1_000_000)
    const idle = await measure(server, 2_000_000)
    const held = await attack(server)
    await settle(server)
    const busy = await measure(server, 3_000_000)
    for (const connection of held) await connection?.destroy()
    const detail = `pages p50 ${idle.p50} and p99 ${idle.p99} ms from an idle server, p50 ${busy.p50} and ` +
      `p99 ${busy.p99} ms beside it; /readyz at most ${busy.ready} ms`
    if (busy.p99 > MAX_SLOWDOWN * idle.p99 || busy.ready > MAX_READY_MS) throw new Error(detail)
    return detail
  }
}))

/** A connection of which only the headers are read, or nothing if there is no response. */
async function pause (server, path, coding = 'identity') {
  const socket = await open(server.base)
  socket.on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${coding}\r\n\r\n`)
  return socket.pause()
}

/** Resolves once the buffers of all paused clients are full, so that the server has nothing to compute. */
async function untilIdle ({ cpuSeconds }) {
  for (let i = 0; i < MAX_SETTLING_SECONDS; i++) {
    const before = cpuSeconds()
    await delay(1000)
    if (cpuSeconds() - before < 0.1) return
  }
  throw new Error(`the server still computes after ${MAX_SETTLING_SECONDS} s`)
}

async function measure ({ base }, seed) {
  const pages = []
  const probes = []
  const measuring = new AbortController()
  const probing = (async () => {
    while (!measuring.signal.aborted) {
      probes.push(await timeOf(`${base}/readyz`, 'identity'))
      await delay(50)
    }
  })()
  for (let i = 0; i < PAGES; i++) pages.push(await timeOf(`${base}${batches}?seed=${seed + i}`, 'br', '127.0.0.2'))
  measuring.abort()
  await probing
  const [p50, p99, ready] = [quantile(pages, 0.5), quantile(pages, 0.99), Math.max(...probes)].map(Math.round)
  return { p50, p99, ready }
}

/** Milliseconds of a request on a connection of its own. */
async function timeOf (url, coding, localAddress = '127.0.0.1') {
  const started = performance.now()
  const options = { agent: false, localAddress, headers: { 'accept-encoding': coding } }
  const response = await new Promise((resolve, reject) => request(url, options, resolve).once('error', reject))
  await once(response.resume(), 'end')
  if (response.statusCode !== 200) throw new Error(`${url} responds with ${response.statusCode}`)
  return performance.now() - started
}
