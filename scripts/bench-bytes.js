/**
 * What an epoch weighs on the wire: the bytes of all bodies of a split, for each format, dtype and content coding. Starts
 * `node dist/server.js` on a free port and fetches every page over one connection; prints a table in Markdown.
 *
 *     npm run bench:bytes [-- split]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const split = process.argv[2] ?? 'train'
const BATCH_SIZE = 128

const choices = [
  ['JSON', 'format=json', ['identity', 'gzip', 'br', 'zstd']],
  ['JSON, raw', 'format=json&normalization=raw', ['identity', 'gzip', 'br', 'zstd']],
  ['float32', 'format=safetensors', ['identity']],
  ['float16', 'format=safetensors&dtype=float16', ['identity']],
  ['raw', 'format=safetensors&normalization=raw', ['identity', 'gzip', 'br', 'zstd']]
]

const folder = await mkdtemp(join(tmpdir(), 'bench-bytes-'))
const server = spawn(process.execPath, ['dist/server.js'], {
  env: { ...process.env, PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'info' },
  stdio: ['ignore', 'pipe', 'inherit']
})
const exit = once(server, 'exit')
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
try {
  await printTable(`${await ready()}/v1/datasets/mnist/splits/${split}/batches?batch_size=${BATCH_SIZE}&labels=index`)
} finally {
  agent.destroy()
  server.kill('SIGTERM')
  await exit
  await rm(folder, { recursive: true })
}

/** The server's address, once the dataset is ready. */
function ready () {
  return new Promise((resolve, reject) => {
    let base
    // Reads on after that, since a server whose log nobody reads has to stop.
    createInterface(server.stdout).on('line', line => {
      const { msg, level } = JSON.parse(line)
      if (msg.startsWith('listening on ')) base = msg.slice('listening on '.length)
      if (msg === 'mnist is ready') resolve(base)
      if (level >= 50) reject(new Error(msg))
    })
    exit.then(([code]) => reject(new Error(`the server ended with ${code}`)))
  })
}

async function printTable (url) {
  console.log(`${split}, ${BATCH_SIZE} samples a page, labels=index, Node.js ${process.version}\n`)
  console.log('| | `Accept-Encoding` | bytes | of float32 | ms a page |\n|---|---|---:|---:|---:|')
  const measured = []
  for (const [name, query, codings] of choices) {
    for (const coding of codings) {
      const epoch = await fetchEpoch(`${url}&${query}`, coding)
      if (epoch) measured.push({ name, coding, ...epoch })
      else console.error(`${name}: this Node.js has no ${coding}`)
    }
  }
  const whole = measured.find(({ name }) => name === 'float32').bytes
  for (const { name, coding, bytes, ms } of measured) {
    console.log(`| ${name} | ${coding} | ${bytes.toLocaleString('en')} | ${(100 * bytes / whole).toFixed(1)} % | ${ms.toFixed(1)} |`)
  }
}

/** Bytes of all pages and the median time of one, or undefined where the server does not have the coding. */
async function fetchEpoch (url, coding) {
  const times = []
  let bytes = 0
  for (let page = 0, pages = 1; page < pages; page++) {
    const started = performance.now()
    const { headers, length } = await fetchPage(`${url}&page=${page}`, coding)
    if ((headers['content-encoding'] ?? 'identity') !== coding) return undefined
    times.push(performance.now() - started)
    bytes += length
    pages = Number(headers['batch-pages'])
  }
  return { bytes, ms: times.sort((a, b) => a - b)[times.length >> 1] }
}

async function fetchPage (url, coding) {
  const [response] = await once(get(url, { agent, headers: { 'accept-encoding': coding } }), 'response')
  let length = 0
  for await (const chunk of response) length += chunk.length
  if (response.statusCode !== 200) throw new Error(`${url} answers ${response.statusCode}`)
  return { headers: response.headers, length }
}
