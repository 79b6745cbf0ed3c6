/**
 * Guards what clients see. Sends many requests to a server of its own and compares every response with those that were
 * recorded: status, headers and body. A change that should not be visible must leave no difference.
 *
 *     node scripts/responses.js record
 *     node scripts/responses.js [compare] [--ignore-details]
 *
 * With --ignore-details, texts for people do not count: titles, details and descriptions. Everything else still does.
 *
 * Every request is repeated, because the server caches orders and compressed bodies: a cached response must be the
 * same as one that was computed.
 *
 * Some answers depend on whether Node.js has Zstandard. They are recorded for both cases: run `record` with Node.js 22
 * or newer first, then with 20. Each run keeps what only the other can record.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as open } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import zlib from 'node:zlib'

const { values: options, positionals: [mode = 'compare'] } = parseArgs({
  allowPositionals: true,
  options: { 'ignore-details': { type: 'boolean', default: false } }
})
if (!['record', 'compare'].includes(mode)) throw new Error(`the mode is record or compare, not ${mode}`)

const root = fileURLToPath(new URL('..', import.meta.url))
const goldenFile = join(root, 'test/golden/responses.json')

const READY_MS = 60_000
const ANSWER_MS = 60_000
const IN_FLIGHT = 4
/** Bodies beyond this are asked for twice, all others three times. */
const LARGE = 1 << 22
/** Longer request bodies are recorded as their hash. */
const LONGEST_BODY = 200

const node = Number(process.versions.node.split('.', 1)[0])
const hasZstd = zlib.zstdDecompressSync !== undefined

const started = performance.now()

async function record () {
  const kept = existsSync(goldenFile) ? readGolden().entries.filter(({ zstd }) => zstd === !hasZstd) : []
  const { version, entries, unstable } = await observeAll()
  for (const [entry, found] of unstable) console.log([titleOf(entry), ...found].join('\n  '))
  writeGolden(version, [...entries, ...kept])
  const counted = [`${entries.length} responses recorded`, `${kept.length} kept`, `${unstable.size} not repeatable`]
  console.log([...counted, seconds()].join(', '))
  return unstable.size > 0
}

async function compare () {
  const golden = readGolden()
  const { version, entries, unstable } = await observeAll()
  const comparable = golden.entries.filter(({ zstd = hasZstd }) => zstd === hasZstd)
  const recorded = new Map(comparable.map(entry => [keyOf(entry), entry]))

  let differ = 0
  report('version', golden.version === version ? [] : [`${golden.version} → ${version}`])
  for (const entry of entries) {
    const before = recorded.get(keyOf(entry))
    recorded.delete(keyOf(entry))
    const found = before ? differences(before, entry) : ['not recorded']
    report(titleOf(entry), [...found, ...unstable.get(entry) ?? []])
  }
  for (const entry of recorded.values()) report(titleOf(entry), ['no longer asked for'])

  console.log(`took ${seconds()}`)
  console.log(`${entries.length} responses compared, ${differ} differ`)
  return differ > 0

  function report (title, found) {
    if (found.length === 0) return
    differ++
    console.log([title, ...found].join('\n  '))
  }
}

function seconds () {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}

// ---- The requests

/** All requests, always the same ones in the same order. `<v>` and `<etag>` are filled in when they are sent. */
function allRequests () {
  const requests = [
    ...batchRequests(),
    ...sizeRequests(),
    ...orderRequests(),
    ...shardRequests(),
    ...augmentRequests(),
    ...negotiationRequests(),
    ...encodingRequests(),
    ...streamRequests(),
    ...gatherRequests(),
    ...sampleRequests(),
    ...descriptionRequests(),
    ...fileRequests(),
    ...versionRequests(),
    ...conditionalRequests(),
    ...headRequests(),
    ...errorRequests(),
    ...corsRequests()
  ]
  const unique = new Map(requests.map(request => [keyOf(request), request]))
  return [...unique.values()]
}

const dataset = '/v1/datasets/mnist'
const splitsPath = `${dataset}/splits`
const counts = { train: 48_000, val: 12_000, test: 10_000 }
const splits = Object.keys(counts)
const formats = ['json', 'npz', 'safetensors', 'arrow']
const layouts = ['flat', 'nhwc', 'nchw']
const raw = { normalization: 'raw' }
/** How images can be prepared. */
const kinds = [
  {},
  { normalization: 'centered', dtype: 'float16' },
  { normalization: 'unit' },
  { normalization: 'unit', dtype: 'float16' },
  { normalization: 'standard', dtype: 'float32' },
  { normalization: 'standard', dtype: 'float16' },
  raw
]
const everything = 'rotate:15,shift:2,scale:0.1,elastic:34,noise:10,cutout:8'

function get (path, query = {}, headers = {}) {
  return { method: 'GET', url: urlOf(path, query), sent: headers }
}

function batches (split, query, headers) {
  return get(`${splitsPath}/${split}/batches`, query, headers)
}

function stream (split, query, headers) {
  return get(`${splitsPath}/${split}/stream`, query, headers)
}

function sample (split, id, query, headers) {
  return get(`${splitsPath}/${split}/samples/${id}`, query, headers)
}

/** An object is sent as JSON, text as it is. */
function gather (split, query, body, headers = { 'content-type': 'application/json' }) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { method: 'POST', url: urlOf(`${splitsPath}/${split}/gather`, query), sent: headers, body: text }
}

function urlOf (path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(given).toString().replaceAll('%3Cv%3E', '<v>')
  return text === '' ? path : `${path}?${text}`
}

function lastPage (split, size, worldSize = 1) {
  return Math.ceil(counts[split] / (size * worldSize)) - 1
}

/** Gives these values in turn, again and again. */
function turns (values) {
  let next = 0
  return () => values[next++ % values.length]
}

/** Rows that have each pair of values of two dimensions at least once. */
function pairwise (dimensions) {
  const names = Object.keys(dimensions)
  const open = new Set()
  for (const [i, a] of names.entries()) {
    for (const b of names.slice(i + 1)) {
      for (const x of dimensions[a].keys()) {
        for (const y of dimensions[b].keys()) open.add(JSON.stringify({ [a]: x, [b]: y }))
      }
    }
  }

  const rows = []
  while (open.size > 0) {
    const [first] = open
    const chosen = JSON.parse(first)
    for (const name of names) chosen[name] ??= bestFor(name, chosen)
    for (const pair of pairsOf(chosen)) open.delete(pair)
    rows.push(Object.fromEntries(names.map(name => [name, dimensions[name][chosen[name]]])))
  }
  return rows

  function bestFor (name, chosen) {
    const gains = dimensions[name].map((_, value) => {
      const candidate = { ...chosen, [name]: value }
      return pairsOf(candidate).filter(pair => open.has(pair)).length
    })
    return gains.indexOf(Math.max(...gains))
  }

  function pairsOf (chosen) {
    const known = names.filter(name => chosen[name] !== undefined)
    return known.flatMap((a, i) => known.slice(i + 1).map(b => JSON.stringify({ [a]: chosen[a], [b]: chosen[b] })))
  }
}

function * batchRequests () {
  yield batches('train', {})
  yield batches('train', { batch_size: 2 })
  const explicit = { normalization: 'centered', dtype: 'float32', labels: 'onehot', layout: 'flat' }
  yield batches('train', { batch_size: 2, ...explicit })
  yield batches('train', { batch_size: 2, ...raw, dtype: 'uint8', epoch: 0, seed: 0, remainder: 'keep' })

  const split = turns(splits)
  const labels = turns([undefined, 'index', 'onehot', 'index'])
  const layout = turns(layouts)
  const order = turns([{}, { seed: 1 }, {}, { seed: 42, epoch: 3 }, {}])
  for (const format of formats) {
    for (const kind of kinds) {
      for (const size of [2, 3]) {
        yield batches(split(), { format, ...kind, layout: layout(), labels: labels(), batch_size: size, ...order() })
      }
    }
  }

  const rows = pairwise({
    split: splits,
    format: formats,
    kind: kinds,
    labels: [undefined, 'onehot', 'index'],
    layout: [undefined, ...layouts],
    order: [{}, { seed: 7, epoch: 3 }, { seed: 4294967295 }],
    shard: [
      {}, { rank: 1, world_size: 3 }, { rank: 0, world_size: 1, remainder: 'keep' },
      { rank: 6, world_size: 7, remainder: 'drop' }, { rank: 2, world_size: 3, remainder: 'pad' }, { remainder: 'pad' }
    ],
    pad: [undefined, 32],
    size: [1, 2, 3, 5],
    page: [undefined, 0, 1, 'last']
  })
  for (const { split, format, kind, labels, layout, order, shard, pad, size, page } of rows) {
    const last = Math.max(0, lastPage(split, size, shard.world_size) - (shard.remainder === 'drop' ? 1 : 0))
    yield batches(split, {
      format,
      ...kind,
      labels,
      layout,
      ...order,
      ...shard,
      pad,
      batch_size: size,
      page: page === 'last' ? last : page
    })
  }

  // Parameters in another order, and written in another way, are still the same batch.
  yield { method: 'GET', url: `${splitsPath}/train/batches?page=1&batch_size=2&format=npz`, sent: {} }
  yield { method: 'GET', url: `${splitsPath}/train/batches?batch_size=2&page=1&format=npz&`, sent: {} }
  yield { method: 'GET', url: `${splitsPath}/train/batches?batch%5Fsize=2&form%61t=npz`, sent: {} }
  yield { method: 'GET', url: `${splitsPath}/tr%61in/batches?batch_size=2`, sent: {} }
  yield { method: 'GET', url: `${splitsPath}/train/batches?augment=rotate:15,shift:2&batch_size=2`, sent: {} }
  yield { method: 'GET', url: `${splitsPath}/train/batches?`, sent: {} }
}

/** Batches of all sizes: the first page, the last one, and the one after that. */
function * sizeRequests () {
  const split = turns(['val', 'test', 'train'])
  const order = turns([{}, { seed: 5 }, { seed: 5, epoch: 1 }, {}, { seed: 0 }])
  const kind = turns([
    raw, {}, { dtype: 'float16' }, { ...raw, labels: 'index' }, { normalization: 'unit', labels: 'index' }
  ])
  for (const size of [1, 2, 3, 128, 256, 1000, 4096]) {
    for (const format of formats) {
      const name = split()
      const last = lastPage(name, size)
      // Text of large batches is long, so most of it is that of raw pixels.
      const prepared = format === 'json' && size >= 1000 ? raw : kind()
      const query = { format, ...prepared, batch_size: size, ...order() }
      yield batches(name, query)
      yield batches(name, { ...query, page: last })
      if (format === 'npz') yield batches(name, { ...query, page: last + 1 })
    }
  }
  yield batches('test', { format: 'json', batch_size: 1500, seed: 3 })
  yield batches('test', { format: 'json', batch_size: 700, dtype: 'float16', layout: 'nchw', pad: 32 })
  yield batches('val', { format: 'safetensors', batch_size: 4096, seed: 9, layout: 'nhwc', pad: 32 })
  yield batches('val', { format: 'arrow', batch_size: 4096, seed: 9, dtype: 'float16', pad: 32 })
  yield batches('test', { batch_size: 4096, page: 999999999999999 })
}

function * orderRequests () {
  const format = turns(['npz', 'safetensors', 'arrow', 'json'])
  for (const seed of [0, 1, 42, 123456789, 2147483648, 4294967295]) {
    for (const epoch of [undefined, 0, 7, 4294967295]) {
      const split = splits[(seed + (epoch ?? 0)) % 3]
      const page = (seed + (epoch ?? 0)) % 100
      yield batches(split, { format: format(), ...raw, labels: 'index', batch_size: 16, seed, epoch, page })
    }
  }
}

/** Shards of every remainder; among the last pages are some that are short, and some that are empty. */
function * shardRequests () {
  const format = turns(formats)
  const order = turns([{}, { seed: 8 }, { seed: 8, epoch: 2 }])
  const split = turns(['test', 'val'])
  for (const remainder of [undefined, 'keep', 'drop', 'pad']) {
    for (const worldSize of [2, 7, 64]) {
      for (const rank of [0, worldSize - 1]) {
        const name = split()
        const size = worldSize === 64 ? 301 : 101
        const shard = { rank, world_size: worldSize, remainder }
        const query = { format: format(), ...raw, labels: 'index', ...order(), ...shard, batch_size: size }
        const last = lastPage(name, size, worldSize)
        yield batches(name, query)
        yield batches(name, { ...query, page: last })
        if (rank === 0 && remainder) yield batches(name, { ...query, page: last + 1 })
      }
    }
  }
  // The rest of an epoch.
  for (const offset of [0, 1, 4321, 9999, 10_000, 10_001]) {
    const query = { ...raw, labels: 'index', offset, batch_size: 100, ...order() }
    yield batches('test', { format: format(), ...query })
    yield batches('test', { format: format(), ...query, page: 1, rank: 1, world_size: 2, remainder: 'pad' })
    yield stream('test', { ...query, format: 'arrow' })
  }
  // An empty batch, and one that is padding alone, in every format.
  for (const format of formats) {
    for (const remainder of ['keep', 'pad']) {
      const query = { format, batch_size: 2000, rank: 7, world_size: 8, remainder }
      yield batches('test', { ...query, labels: 'index', layout: 'nchw', ...raw })
      yield batches('test', { ...query, batch_size: 1300, dtype: 'float16', seed: 3 })
    }
    yield batches('test', { format, remainder: 'pad', batch_size: 300, page: 33 })
    yield batches('test', { format, remainder: 'drop', batch_size: 300, page: 33 })
  }
  yield batches('test', { ...raw, format: 'npz', batch_size: 4, rank: 65535, world_size: 65536, remainder: 'pad' })
  yield batches('test', { ...raw, format: 'npz', batch_size: 4, rank: 65535, world_size: 65536 })
}

function * augmentRequests () {
  const strengths = [
    'rotate:15', 'rotate:45', 'shift:2', 'shift:8', 'scale:0.1', 'scale:0.5', 'elastic:34', 'elastic:64', 'noise:10',
    'noise:64', 'cutout:8', 'cutout:16', 'rotate:0', 'cutout:0,noise:0', 'rotate:0.5,shift:0.123456',
    'rotate:15,elastic:34', 'shift:2,noise:10', 'cutout:3,noise:7',
    'cutout:8,noise:10,elastic:34,scale:0.1,shift:2,rotate:15', 'noise:5.5,rotate:7.25', everything
  ]
  const format = turns(formats)
  const order = turns([{ seed: 42, epoch: 3 }, {}, { seed: 1 }])
  const kind = turns(kinds)
  for (const augment of strengths) {
    yield batches('train', { format: format(), ...kind(), augment, batch_size: 4, ...order() })
  }
  for (const format of formats) {
    const augmented = { format, augment: everything, batch_size: 32, seed: 42, epoch: 3 }
    yield batches('train', { ...augmented, pad: 32, layout: 'nchw' })
    yield batches('train', { ...augmented, ...raw, labels: 'index', page: 2 })
    yield batches('train', { format, pad: 32, dtype: 'float16', layout: 'nhwc', batch_size: 8 })
    yield batches('train', { format, pad: 32, normalization: 'standard', batch_size: 8, seed: 2 })
  }
  const last = { batch_size: 100, rank: 1, world_size: 7, seed: 5, page: lastPage('train', 100, 7) }
  for (const remainder of ['keep', 'pad']) {
    yield batches('train', { format: 'safetensors', ...raw, augment: 'rotate:15,cutout:8', remainder, ...last })
  }
  yield batches('train', { format: 'npz', augment: everything, batch_size: 1000, dtype: 'float16' })

  const faults = [
    '', 'rotate', 'rotate:', 'rotate:46', 'rotate:-1', 'rotate:1e1', 'rotate:01', 'rotate:1.1234567', 'rotate:1:2',
    'rotate:1,rotate:2', 'spin:3', 'rotate:1,', ' rotate:1', 'Rotate:1', 'cutout:1.5', 'cutout:17', 'scale:0.51',
    'noise:NaN'
  ]
  for (const augment of faults) yield batches('train', { augment, batch_size: 2 })
  yield batches('val', { augment: 'rotate:15', batch_size: 2 })
  yield batches('test', { augment: 'wrong', batch_size: 2 })
}

/** Formats by Accept. */
function * negotiationRequests () {
  const npz = 'application/x-npz'
  const safetensors = 'application/vnd.safetensors'
  const arrow = 'application/vnd.apache.arrow.stream'
  const accepted = [
    'application/json', npz, safetensors, arrow, '*/*', 'application/*', 'APPLICATION/X-NPZ',
    'application/json; charset=utf-8', `${npz};q=0.5, ${safetensors}`,
    `${npz};q=0.9, ${safetensors};q=0.8, */*;q=0.1`, `${safetensors}, ${npz}`, `application/json;q=0, ${arrow}`,
    'application/json;q=0, */*', 'text/html, */*;q=0.1',
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8', 'text/html', 'image/png', 'text/*',
    '*/*;q=0', `${npz};q=0`, 'application/x-npz;version=2', '', 'nonsense'
  ]
  for (const accept of accepted) yield batches('val', { batch_size: 2 }, { accept })
  yield batches('val', { batch_size: 2, format: 'arrow' }, { accept: 'application/json' })
  yield batches('val', { batch_size: 2, format: 'npz' }, { accept: 'text/html' })
  const ndjson = 'application/x-ndjson'
  for (const accept of [ndjson, arrow, '*/*', `${arrow};q=0.9, ${ndjson};q=0.8`, 'application/json', '']) {
    yield stream('test', { ...raw, batch_size: 1000, page: 9 }, { accept })
  }
  for (const accept of ['image/png', 'application/json', 'image/*', 'image/png, */*;q=0.5', '*/*', npz]) {
    yield sample('test', 4, {}, { accept })
    yield get(`${dataset}/mean`, {}, { accept })
  }
  yield get(`${dataset}/mean`, {}, { accept: 'application/x-npy' })
  yield gather('test', {}, { ids: [1, 2] }, { 'content-type': 'application/json', accept: npz })
  yield gather('test', {}, { ids: [1, 2] }, { 'content-type': 'application/json', accept: 'text/html' })
  yield get(dataset, {}, { accept: 'text/html' })
}

/** Content codings. */
function * encodingRequests () {
  const all = [
    'gzip', 'br', 'zstd', 'deflate', 'identity', '*', 'gzip, br', 'br;q=0.5, gzip', 'gzip;q=0', 'gzip;q=0, br',
    'identity;q=0', 'gzip;q=0, *', 'identity;q=0, *;q=0', 'gzip, deflate, br, zstd', 'zstd;q=0.5, gzip', '', 'x-gzip',
    'GZIP', 'identity;q=0, gzip'
  ]
  const each = ['gzip', 'br', 'zstd']
  const ids = { ids: [5, 3, 5] }
  const posted = { 'content-type': 'application/json' }
  const large = { ...raw, batch_size: 4096 }
  const augmented = { format: 'arrow', ...raw, augment: everything, batch_size: 20 }
  const targets = [
    [all, sent => batches('val', { batch_size: 20, layout: 'nhwc' }, sent)],
    [[...each, '*', 'gzip, br', 'identity;q=0'], sent => batches('val', { batch_size: 20, seed: 3, ...raw }, sent)],
    [[...each, 'gzip, br'], sent => batches('train', { format: 'npz', ...raw }, sent)],
    [each, sent => batches('train', { format: 'safetensors', ...raw, seed: 4, pad: 32 }, sent)],
    [each, sent => batches('train', augmented, sent)],
    [each, sent => batches('val', { format: 'json', ...large }, sent)],
    [each, sent => batches('val', { format: 'safetensors', ...large, seed: 1 }, sent)],
    [['gzip', 'br', '*'], sent => batches('train', { format: 'safetensors', batch_size: 20 }, sent)],
    [['gzip'], sent => batches('train', { format: 'arrow', dtype: 'float16', batch_size: 20 }, sent)],
    // Bodies on both sides of the least size that is compressed.
    [['gzip', 'br'], sent => batches('train', { format: 'npz', ...raw, batch_size: 1 }, sent)],
    [['gzip', 'br'], sent => batches('train', { format: 'npz', ...raw, pad: 32, batch_size: 1 }, sent)],
    [['gzip', 'br'], sent => batches('train', { format: 'npz', ...raw, batch_size: 2 }, sent)],
    [['gzip'], sent => batches('test', { batch_size: 2000, rank: 7, world_size: 8 }, sent)],
    [[...each, '*'], sent => sample('train', 6, {}, sent)],
    [['gzip'], sent => sample('train', 6, { format: 'png' }, sent)],
    [[...each, 'gzip, br'], sent => text(get(dataset, {}, sent))],
    [each, sent => get(`${dataset}/mean`, { format: 'json' }, sent)],
    [['gzip'], sent => get(`${dataset}/mean`, { format: 'npy' }, sent)],
    [['gzip', 'br'], sent => get(`${splitsPath}/train`, {}, sent)],
    [['gzip', '*'], sent => text(get('/v1/datasets', {}, sent))],
    [['gzip'], sent => text(get('/openapi.json', {}, sent))],
    [['gzip', 'br', 'identity;q=0'], sent => get(`${dataset}/files/t10k-labels-idx1-ubyte`, {}, sent)],
    [each, sent => gather('val', {}, ids, { ...posted, ...sent })],
    [['gzip'], sent => gather('val', { format: 'npz' }, ids, { ...posted, ...sent })],
    [['gzip', 'br'], sent => gather('val', { format: 'npz', ...raw }, ids, { ...posted, ...sent })],
    [[...each, '*', 'gzip, br'], sent => stream('test', { batch_size: 500, page: 19, labels: 'index' }, sent)],
    [[...each, 'identity;q=0'], sent => stream('val', { format: 'arrow', ...large }, sent)],
    [each, sent => stream('test', { ...raw, seed: 6, batch_size: 1000, page: 8 }, sent)],
    [['gzip'], sent => stream('test', { format: 'arrow', batch_size: 500, page: 19 }, sent)],
    [['gzip'], sent => batches('nope', {}, sent)]
  ]
  for (const [encodings, target] of targets) {
    for (const encoding of encodings) yield target({ 'accept-encoding': encoding })
  }
  yield batches('val', { batch_size: 20 }, { 'accept-encoding': 'br', accept: 'application/json' })
  yield batches('val', { batch_size: 20, version: '<v>' }, { 'accept-encoding': 'gzip' })
}

function * streamRequests () {
  yield stream('test', { ...raw, batch_size: 4096 })
  yield stream('val', { format: 'arrow', batch_size: 4096 })
  yield stream('train', { format: 'arrow', ...raw, labels: 'index', layout: 'nchw', seed: 1, batch_size: 512 })
  yield stream('train', { ...raw, page: 374 })
  yield stream('train', { page: 375 })
  yield stream('test', { format: 'arrow', batch_size: 1, page: 9990 })
  yield stream('test', { format: 'ndjson', batch_size: 3, page: 3330, seed: 2 })

  const thirds = { rank: 2, world_size: 3 }
  const rows = pairwise({
    format: ['ndjson', 'arrow'],
    kind: kinds,
    labels: [undefined, 'index'],
    layout: [undefined, 'nhwc', 'nchw'],
    order: [{}, { seed: 7, epoch: 3 }],
    shard: [{}, thirds, { ...thirds, remainder: 'drop' }, { ...thirds, remainder: 'pad' }],
    pad: [undefined, 32]
  })
  for (const { format, kind, labels, layout, order, shard, pad } of rows) {
    const worldSize = shard.world_size ?? 1
    const page = lastPage('test', 90, worldSize) - 2
    yield stream('test', { format, ...kind, labels, layout, ...order, ...shard, pad, batch_size: 90, page })
  }
  for (const format of ['ndjson', 'arrow']) {
    yield stream('train', { format, augment: everything, seed: 42, batch_size: 64, page: 748 })
    yield stream('train', { format, augment: 'rotate:15', ...raw, pad: 32, batch_size: 64, page: 749 })
    // An epoch without a page, and one whose only page is empty.
    yield stream('test', { format, batch_size: 4096, rank: 0, world_size: 3, remainder: 'drop' })
    yield stream('test', { format, batch_size: 4096, rank: 3, world_size: 4 })
    yield stream('test', { format, ...raw, batch_size: 100, rank: 150, world_size: 151, remainder: 'pad' })
  }
  for (const format of ['json', 'npz', 'safetensors', 'png', '']) yield stream('test', { format })
  yield stream('test', { epoch: 1 })
  yield stream('test', { rank: 1 })
  yield stream('test', { augment: 'rotate:1' })
  yield stream('nope', {})
  yield stream('train', { batch_size: 4097 })
}

function * gatherRequests () {
  const split = turns(splits)
  const labels = turns([undefined, 'index'])
  const layout = turns(layouts)
  for (const format of formats) {
    for (const kind of kinds) {
      yield gather(split(), { format, ...kind, labels: labels(), layout: layout() }, { ids: [3, 1, 2, 1] })
    }
    yield gather('train', { format, augment: everything, seed: 42, epoch: 3 }, { ids: [0, 47_999, 0] })
    yield gather('train', { format, augment: 'rotate:15', ...raw, pad: 32 }, { ids: [7] })
    yield gather('test', { format, pad: 32, layout: 'nchw' }, { ids: [9999, 0] })
    yield gather('val', { format, version: '<v>' }, { ids: [11_999] })
  }
  const many = Array.from({ length: 4096 }, (_, i) => (i * 7919) % counts.train)
  yield gather('train', { format: 'npz', ...raw }, { ids: many })
  yield gather('train', { format: 'safetensors' }, { ids: many })
  yield gather('train', { format: 'json', ...raw, labels: 'index' }, { ids: many })
  yield gather('train', { format: 'arrow', dtype: 'float16' }, { ids: many })
  const npz = { format: 'npz' }
  const json = { 'content-type': 'application/json' }
  yield gather('train', npz, { ids: [5] }, { 'content-type': 'application/json; charset=utf-8' })
  yield gather('train', npz, ' { "ids" : [ 5 ] }\n')
  yield gather('train', npz, { ids: [5] }, { ...json, 'transfer-encoding': 'chunked' })

  const bodies = [
    { ids: [] }, { ids: [-1] }, { ids: [1.5] }, { ids: ['1'] }, { ids: [null] }, { ids: '1' }, { ids: null },
    { ids: {} }, {}, { ids: [1], more: 2 }, { more: 2 }, { id: [1] }, [], [1], 'null', '3', '"text"', 'true',
    '{"ids":[1e2]}', '{"ids":[1.0]}', { ids: [48_000] }, { ids: [0, 999_999_999_999] }, { ids: Array(12).fill('x') },
    { ids: [[1]] }, { ids: [...many, 1] }, '', '{', '{"ids":[1]', '{"ids":[1],}', '{"ids":[01]}', 'ids=1',
    '{"__proto__":{},"ids":[1]}', '{"ids":[1],"ids":[2]}'
  ]
  for (const body of bodies) yield gather('train', npz, body)
  yield gather('val', {}, { ids: [12_000] })
  yield gather('test', {}, { ids: [10_000] })
  // Beyond the limit of the body.
  yield gather('train', npz, `{"ids":[1${' '.repeat(132_200)}]}`)
  const types = [
    'text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', 'application/json5', 'nonsense',
    'text/json'
  ]
  for (const type of types) yield gather('train', npz, { ids: [1] }, { 'content-type': type })
  yield gather('train', npz, { ids: [1] }, {})
  yield { method: 'POST', url: `${splitsPath}/train/gather`, sent: {} }
  yield { method: 'POST', url: `${splitsPath}/train/gather`, sent: json }

  const queries = [
    { page: 1 }, { batch_size: 2 }, { rank: 0, world_size: 1 }, { remainder: 'pad' }, { seed: 1 }, { epoch: 1 },
    { augment: 'rotate:1', epoch: 1 }, { augment: 'rotate:99' }, { pad: 28 }, { dtype: 'uint8' },
    { ...raw, dtype: 'float32' }, { format: 'ndjson' }, { version: 'old' }, { labels: 'class' }
  ]
  for (const query of queries) yield gather('train', query, { ids: [1] })
  yield gather('val', { augment: 'rotate:1' }, { ids: [1] })
  yield gather('nope', {}, { ids: [1] })
  yield { ...gather('train', {}, { ids: [1] }), url: '/v1/datasets/nope/splits/train/gather' }
}

function * sampleRequests () {
  const split = turns(splits)
  for (const kind of kinds) {
    for (const layout of [undefined, ...layouts]) yield sample(split(), 17, { ...kind, layout })
  }
  for (const name of splits) {
    for (const id of [0, counts[name] - 1]) {
      yield sample(name, id, { format: 'json', ...raw })
      yield sample(name, id, { format: 'png' })
    }
    yield sample(name, counts[name], {})
  }
  for (const format of ['json', 'png']) {
    yield sample('train', 0, { format, augment: 'rotate:15,elastic:34', seed: 42, epoch: 3 })
    yield sample('train', 5, { format, augment: everything })
    yield sample('train', 5, { format, augment: everything, seed: 1, pad: 32 })
    yield sample('val', 5, { format, pad: 32 })
  }
  yield sample('train', 5, { augment: 'noise:10', dtype: 'float16', layout: 'nchw', pad: 32, seed: 0, epoch: 0 })
  yield sample('train', 5, { augment: 'noise:10', ...raw, layout: 'nhwc' })

  const faults = [
    { format: 'png', layout: 'flat' }, { format: 'png', normalization: 'raw' },
    { format: 'png', dtype: 'uint8', layout: 'flat' }, { seed: 1 }, { epoch: 1 }, { augment: 'rotate:1', epoch: 1 },
    { augment: 'rotate:46' }, { pad: 33 }, { labels: 'index' }, { format: 'npz' }, { dtype: 'uint8' }
  ]
  for (const query of faults) yield sample('train', 5, query)
  yield sample('test', 5, { augment: 'rotate:1' })
  const notIds = ['x', '-1', '1e3', '0x10', '01', '1.0', '%201', '99999999999999999999', '1%2F2', '']
  for (const id of notIds) yield sample('train', id, {})
}

/** Everything that tells what there is. */
function * descriptionRequests () {
  yield get('/healthz')
  yield get('/healthz', {}, { 'x-request-id': 'mine' })
  yield get('/readyz')
  yield text(get('/v1/datasets'))
  yield text(get(dataset))
  for (const split of splits) yield get(`${splitsPath}/${split}`)
  for (const format of ['json', 'npy', 'png', undefined]) yield get(`${dataset}/mean`, { format })
  yield get(`${dataset}/mean`, { format: 'npz' })
  yield get(`${dataset}/mean`, { layout: 'flat' })
  for (const path of ['/openapi.json', '/docs', '/docs/', '/docs/json', '/docs/yaml']) yield text(get(path))
  yield text(get('/docs/nope'))
  yield text(get('/docs', { verbose: 1 }))
  yield text(get('/openapi.json', { verbose: 1 }))
}

/** Marks a request whose answer is mostly text for people. */
function text (request) {
  return { ...request, text: true }
}

function * fileRequests () {
  const names = ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1']
  for (const name of names) {
    for (const file of [`${name}-ubyte`, `${name}-ubyte.gz`]) {
      yield get(`${dataset}/files/${file}`)
      yield { ...get(`${dataset}/files/${file}`), method: 'HEAD' }
    }
  }
  const small = `${dataset}/files/t10k-labels-idx1-ubyte`
  const ranges = [
    'bytes=0-0', 'bytes=0-99', 'bytes=8-', 'bytes=10007-', 'bytes=10000-20000', 'bytes=-1', 'bytes=-100',
    'bytes=-20000', 'bytes=-0', 'bytes=10008-', 'bytes=10008-10010', 'bytes=5-4', 'bytes=-', 'bytes=a-b',
    'bytes=0-9,20-29', 'items=0-9', 'BYTES=0-9', 'bytes= 0 - 9', 'bytes 0-9', '', 'bytes=0-10007',
    'bytes=99999999999999999999-'
  ]
  for (const range of ranges) yield get(small, {}, { range })
  for (const range of ['bytes=0-99', 'bytes=-8', 'bytes=4542-', 'bytes=4541-']) yield get(`${small}.gz`, {}, { range })
  for (const range of ['bytes=1000000-1999999', 'bytes=-65536']) {
    yield get(`${dataset}/files/train-images-idx3-ubyte`, {}, { range })
    yield get(`${dataset}/files/train-images-idx3-ubyte.gz`, {}, { range })
  }
  for (const condition of ['<etag>', 'W/<etag>', '"other"', '*', 'Wed, 21 Oct 2015 07:28:00 GMT', '']) {
    yield get(small, {}, { range: 'bytes=10-19', 'if-range': condition })
  }
  yield get(small, {}, { range: 'bytes=20000-', 'if-range': '"other"' })
  yield get(small, {}, { 'if-range': '<etag>' })
  for (const held of ['<etag>', 'W/<etag>', '"other", <etag>', '*', '"other"']) {
    yield get(small, {}, { 'if-none-match': held })
    yield get(`${small}.gz`, {}, { 'if-none-match': held })
  }
  yield get(small, {}, { 'if-none-match': '<etag>', range: 'bytes=0-9' })
  yield get(small, {}, { 'if-none-match': '<etag>', range: 'bytes=20000-' })
  yield { ...get(small, {}, { range: 'bytes=0-9' }), method: 'HEAD' }
  yield { ...get(small, {}, { range: 'bytes=20000-' }), method: 'HEAD' }
  yield { ...get(small, {}, { 'if-none-match': '<etag>' }), method: 'HEAD' }
  yield { ...get(small), method: 'POST' }
  yield get(small, { version: '<v>' })
  for (const name of ['nope', 'train-images-idx3-ubyte.zip', '..%2F..%2Fpackage.json', '%2e%2e', '']) {
    yield get(`${dataset}/files/${name}`)
  }
  yield get('/v1/datasets/nope/files/t10k-labels-idx1-ubyte')
}

/** Resources of every kind that may name a version and be asked for on condition. */
function resources () {
  return [
    ...formats.map(format => query => batches('val', { format, batch_size: 3, ...query })),
    query => batches('train', { format: 'npz', seed: 3, epoch: 1, batch_size: 3, ...query }),
    query => batches('train', { augment: 'rotate:15', format: 'safetensors', batch_size: 3, ...query }),
    query => stream('test', { ...raw, batch_size: 50, page: 199, ...query }),
    query => stream('test', { format: 'arrow', batch_size: 50, page: 199, ...query }),
    query => sample('val', 3, query),
    query => sample('val', 3, { format: 'png', ...query }),
    query => get(`${dataset}/mean`, query),
    query => get(`${dataset}/mean`, { format: 'npy', ...query }),
    query => get(`${splitsPath}/val`, query),
    query => text(get(dataset, query))
  ]
}

function * versionRequests () {
  for (const resource of resources()) {
    for (const version of ['<v>', '0000000000000000']) yield resource({ version })
  }
  for (const version of ['', ' ', 'latest', 'é', '<version>']) yield batches('val', { batch_size: 3, version })
}

function * conditionalRequests () {
  for (const resource of resources()) {
    yield resource({})
    for (const held of ['<etag>', 'W/<etag>', '"other", <etag>, "more"', '*']) {
      yield withHeaders(resource({}), { 'if-none-match': held })
    }
    yield withHeaders(resource({ version: '<v>' }), { 'if-none-match': '<etag>' })
    yield { ...withHeaders(resource({}), { 'if-none-match': '<etag>' }), method: 'HEAD' }
  }
  const plain = batches('val', { format: 'json', batch_size: 20, layout: 'nhwc' })
  for (const encoding of ['gzip', 'br', 'zstd', '*']) {
    const encoded = withHeaders(plain, { 'accept-encoding': encoding })
    yield encoded
    yield withHeaders(encoded, { 'if-none-match': '<etag>' })
    yield { ...withHeaders(encoded, { 'if-none-match': '<etag>' }), method: 'HEAD' }
  }
  yield plain
  const held = { 'if-none-match': '<etag>' }
  yield withHeaders(plain, { ...held, 'cache-control': 'no-cache' })
  yield withHeaders(plain, { ...held, origin: 'https://example.org' })
  yield withHeaders(plain, { ...held, 'if-modified-since': 'Wed, 21 Oct 2015 07:28:00 GMT' })
  yield withHeaders(plain, { 'if-modified-since': 'Wed, 21 Oct 2030 07:28:00 GMT' })
  yield withHeaders(plain, { 'if-none-match': '"other"' })
  yield withHeaders(plain, { 'if-none-match': '' })
  yield withHeaders(plain, { 'if-none-match': 'nonsense' })
  yield withHeaders(plain, { 'if-match': '"other"' })
  yield withHeaders(plain, { 'cache-control': 'no-cache' })
  yield withHeaders(plain, { range: 'bytes=0-9' })
  yield withHeaders(plain, { 'x-request-id': 'mine' })
  yield withHeaders(plain, { ...held, 'x-request-id': 'mine' })
  // The server has not answered this URL yet, but an equal one, whose ETag it has in common.
  yield { method: 'GET', url: `${splitsPath}/val/batches?layout=nhwc&batch_size=20&format=json`, sent: held }
  yield { ...get(`${splitsPath}/val/batches`, { layout: 'nhwc', batch_size: 20, format: 'json' }), last: true }
}

function withHeaders (request, headers) {
  return { ...request, sent: { ...request.sent, ...headers } }
}

function * headRequests () {
  const paths = ['/healthz', '/readyz', '/v1/datasets', '/docs', '/openapi.json', '/nope', '/v1/datasets/nope']
  const requests = [
    ...paths.map(path => text(get(path))),
    ...resources().map(resource => resource({})),
    batches('val', { version: '<v>' }),
    batches('train', {}),
    batches('train', { format: 'json', batch_size: 1000 }),
    batches('train', { format: 'arrow', batch_size: 4096, seed: 1 }),
    batches('train', { batch_size: 0 }),
    batches('train', { page: 375 }),
    batches('val', { batch_size: 20, layout: 'nhwc' }, { 'accept-encoding': 'gzip' }),
    batches('train', { format: 'npz', ...raw }, { 'accept-encoding': 'br' }),
    batches('train', {}, { accept: 'text/html' }),
    stream('train', {}),
    stream('train', { format: 'arrow', ...raw }, { 'accept-encoding': 'gzip' }),
    sample('train', 6, {}, { 'accept-encoding': 'gzip' }),
    get(`${splitsPath}/train/gather`)
  ]
  for (const request of requests) yield { ...request, method: 'HEAD' }
}

function * errorRequests () {
  const paths = [
    '/', '/v1', '/v1/', '/nope', '/v1/datasets/', '/v1/datasets/nope', '/v1/datasets/MNIST', '/v1/datasets/mnist/',
    splitsPath, `${dataset}/nope`, `${splitsPath}/nope`, `${splitsPath}/Train`, `${splitsPath}/train/`,
    `${splitsPath}/train/nope`, `${splitsPath}/nope/batches`, '/v1/datasets/nope/splits/train/batches',
    '/v1/datasets/nope/splits/nope/samples/0', '/v1/datasets/nope/mean', `${splitsPath}/train/batches/`,
    `${splitsPath}/train/samples`, `${dataset}/files`, '/v1/datasets/%zz', '/v1/datasets/%C3%A9',
    '/v1/datasets/a%2Fb', `/v1/datasets/${'x'.repeat(101)}`, '//healthz', '/HEALTHZ', '/v2/datasets', '/nope?x=1',
    '/v1/datasets?verbose=1', '/v1/datasets/mnist?verbose=1', '/v1/datasets/nope?verbose=1', '/v1/datasets/__proto__',
    '/v1/datasets/constructor', `${splitsPath}/toString/batches`
  ]
  for (const path of paths) yield { method: 'GET', url: path, sent: {} }

  const notIntegers = [
    '1e3', '0x10', '-1', '01', '1.0', '', '+1', '%201', '1%20', 'one', 'NaN', 'Infinity', '1_000', '9007199254740993',
    '-0', 'null'
  ]
  const queries = [
    ...notIntegers.map(value => `page=${value}&batch_size=3`),
    'batch_size=0', 'batch_size=4097', 'batch_size=1e3', 'seed=4294967296', 'seed=-1', 'seed=1&epoch=4294967296',
    'seed=1&epoch=-1', 'rank=-1&world_size=2', 'rank=0&world_size=0', 'rank=65536&world_size=65536',
    'rank=0&world_size=65537', 'epoch=0', 'epoch=1', 'rank=0', 'world_size=2', 'rank=2&world_size=2',
    'rank=3&world_size=2', 'epoch=1&rank=0', 'epoch=1&rank=5&world_size=5', 'normalization=raw&dtype=float32',
    'normalization=raw&dtype=float16', 'dtype=uint8', 'normalization=unit&dtype=uint8', 'normalization=zscore',
    'dtype=float64', 'labels=class', 'layout=chw', 'remainder=wrap', 'format=csv', 'format=ndjson', 'format=',
    'format=JSON', 'pad=28', 'pad=0', 'pad=32.0', 'page=0&page=1', 'format=npz&format=npz', 'seed=1&seed=1',
    'augment=a&augment=b', 'version=a&version=b', 'nope=1', 'Page=1', 'page', '=1', '&&',
    'nope=1&other=2&page=x&batch_size=0&format=csv', 'page%5B%5D=1', '__proto__=1', 'constructor=1', 'page=%zz',
    'seed=1&epoch=x&rank=0', 'version=%3Cscript%3E', 'batch_size=3&page=4000', 'batch_size=4096&page=3',
    'batch_size=4096&rank=0&world_size=3&remainder=drop', 'batch_size=4096&rank=0&world_size=3&remainder=drop&page=1',
    'page=999999999999999', 'page=1000000000000000', 'augment=rotate:1&epoch=1', 'augment=wrong', 'nope=%C3%A9',
    'x'.repeat(300)
  ]
  for (const query of queries) yield { method: 'GET', url: `${splitsPath}/val/batches?${query}`, sent: {} }

  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    yield { method, url: `${splitsPath}/val/batches`, sent: {} }
    yield { method, url: '/healthz', sent: {} }
  }
  for (const method of ['POST', 'PUT']) {
    yield { method, url: `${splitsPath}/val/batches`, sent: { 'content-type': 'application/json' }, body: '{"a":1}' }
    yield { method, url: '/nope', sent: { 'content-type': 'text/plain' }, body: 'text' }
  }
  for (const method of ['GET', 'PUT', 'DELETE']) yield { method, url: `${splitsPath}/val/gather`, sent: {} }
}

function * corsRequests () {
  const origin = 'https://example.org'
  const file = `${dataset}/files/t10k-labels-idx1-ubyte`
  for (const url of [`${splitsPath}/val/batches`, `${splitsPath}/val/gather`, file, '/v1/datasets', '/nope', '*']) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      yield { method: 'OPTIONS', url, sent: { origin, 'access-control-request-method': method } }
    }
    yield { method: 'OPTIONS', url, sent: { origin } }
  }
  const preflight = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type, x-request-id'
  }
  yield { method: 'OPTIONS', url: `${splitsPath}/val/gather`, sent: preflight }

  for (const from of [origin, 'null', 'http://127.0.0.1:8080']) {
    const headers = { origin: from }
    yield batches('val', { batch_size: 2 }, headers)
    yield batches('val', { format: 'npz', batch_size: 2 }, headers)
    yield batches('val', { batch_size: 0 }, headers)
    yield stream('test', { format: 'arrow', ...raw, batch_size: 50, page: 199 }, headers)
    yield text(get('/v1/datasets', {}, headers))
    yield get('/nope', {}, headers)
  }
  yield gather('val', {}, { ids: [1] }, { 'content-type': 'application/json', origin })
  yield get(file, {}, { origin, range: 'bytes=0-9' })
  yield { ...batches('val', { batch_size: 2 }, { origin }), method: 'HEAD' }
  yield text(get('/docs', {}, { origin }))
}

// ---- The responses

/**
 * Starts a server and sends it every request.
 *
 * @returns the version, what is to be recorded, and how repeated answers differ from the first one
 */
async function observeAll () {
  const server = await start()
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
  try {
    const { datasets: [{ version }] } = JSON.parse((await send(server.base, agent, get('/v1/datasets'))).body)
    const etags = new Map()
    const requests = allRequests()
    const entries = new Array(requests.length)
    const unstable = new Map()
    // An ETag has to be known before it can be sent.
    const rounds = [
      requests.filter(request => !request.last && !needsEtag(request)),
      requests.filter(needsEtag),
      requests.filter(request => request.last)
    ]
    const places = new Map(requests.map((request, i) => [request, i]))
    for (const round of rounds) {
      const queue = round.values()
      await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
        for (const request of queue) entries[places.get(request)] = await observe(request)
      }))
    }
    return { version, entries, unstable }

    async function observe (request) {
      const etag = etags.get(resourceOf(request))
      if (needsEtag(request) && etag === undefined) throw new Error(`no ETag is known for ${titleOf(request)}`)
      const sent = filled(request, version, etag)
      const answers = [await send(server.base, agent, sent)]
      const times = answers[0].body.length > LARGE ? 2 : 3
      while (answers.length < times) answers.push(await send(server.base, agent, sent))

      const [first, ...repeated] = answers.map(answer => entryOf(request, answer, version))
      const found = repeated.flatMap(again => differences(first, again, true)).map(line => `repeated: ${line}`)
      if (found.length > 0) unstable.set(first, [...new Set(found)])
      if (request.method === 'GET' && answers[0].headers.etag) etags.set(resourceOf(request), answers[0].headers.etag)
      return first
    }
  } finally {
    agent.destroy()
    await server.stop()
  }
}

/** The built server with a data folder of its own, once its dataset is ready. */
async function start () {
  const folder = mkdtempSync(join(tmpdir(), 'responses-'))
  const server = spawn(process.execPath, [join(root, 'dist/server.js')], {
    // The backend is set, since the description of a dataset names it.
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', DATA_DIR: folder, TFJS_BACKEND: 'wasm', OFFLINE: '1' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(server, 'exit')
  const stop = async () => {
    server.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true })
  }
  try {
    const base = await Promise.race([
      listening(server),
      ended.then(([code]) => { throw new Error(`the server ended with exit code ${code}`) })
    ])
    const until = performance.now() + READY_MS
    while (!(await fetch(`${base}/readyz`)).ok) {
      if (performance.now() > until) throw new Error('the dataset does not become ready')
      await delay(50)
    }
    return { base, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function listening (server) {
  return new Promise(resolve => {
    // The log has to be read to its end, or the server would have to wait.
    createInterface(server.stdout).on('line', line => {
      const { level, msg } = JSON.parse(line)
      const [, base] = /^listening on (\S+)/.exec(msg) ?? []
      if (base) resolve(base)
      if (level >= 50) console.log(`the server logs: ${msg}`)
    })
  })
}

/** What was answered; a response that does not come, or breaks off, has the reason for its status. */
async function send (base, agent, { method, url, sent, body }, tries = 5) {
  const { hostname: host, port } = new URL(base)
  try {
    const signal = AbortSignal.timeout(ANSWER_MS)
    const request = open({ host, port, path: url, method, headers: sent, agent, signal })
    request.end(body)
    const [response] = await once(request, 'response')
    const { statusCode: status, headers, rawHeaders } = response
    return { status, headers, rawHeaders, body: await buffer(response) }
  } catch (error) {
    // Who refuses a large body may close the connection while it is still being sent.
    if (body !== undefined && tries > 1) return send(base, agent, { method, url, sent, body }, tries - 1)
    return { status: error.code ?? error.message, headers: {}, rawHeaders: [], body: Buffer.alloc(0) }
  }
}

/** The request with the version and the ETag in it. */
function filled ({ sent, url, ...request }, version, etag) {
  const headers = Object.entries(sent).map(([name, value]) => [name, value.replaceAll('<etag>', etag)])
  return { ...request, url: url.replaceAll('<v>', version), sent: Object.fromEntries(headers) }
}

function needsEtag ({ sent }) {
  return Object.values(sent).some(value => value.includes('<etag>'))
}

/** Requests with the same one get the same ETag. */
function resourceOf ({ url, sent: { accept, 'accept-encoding': encoding } }) {
  const [path, query] = url.split('?')
  return JSON.stringify([path, query?.split('&').sort(), accept, encoding])
}

/** What is recorded of a response. */
function entryOf (request, { status, rawHeaders, body }, version) {
  const headers = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase()
    const value = shortened(name, rawHeaders[i + 1], request, version, body)
    headers[name] = name in headers ? `${headers[name]}\n${value}` : value
  }
  const decoded = decode(body, headers['content-encoding'])
  return {
    ...(request.method !== 'GET' && { method: request.method }),
    url: request.url,
    ...(Object.keys(request.sent).length > 0 && { sent: request.sent }),
    ...(request.body !== undefined && { body: recordedBody(request.body) }),
    ...(request.text && { text: true }),
    ...(dependsOnZstd(request) && { zstd: hasZstd }),
    status,
    headers: Object.fromEntries(Object.entries(headers).sort(([a], [b]) => a < b ? -1 : 1)),
    ...contentOf(decoded, headers['content-type'], request, version),
    ...(headers['content-encoding'] && { encoded: { node, ...(body.length > 0 && { sha256: sha256(body) }) } })
  }
}

/** A value without what is in the request anyway, or what differs from answer to answer. */
function shortened (name, value, { url }, version, body) {
  if (name === 'date') return '<date>'
  if (name === 'server-timing' && /(^|, )total;dur=[\d.]+$/.test(value)) return '<times>'
  if (name === 'x-request-id' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return '<id>'
  if (name === 'content-length' && body.length > 0 && value === String(body.length)) return '<bytes>'
  // Links repeat the URL, with another page.
  if (name === 'link') {
    const base = url.replaceAll('<v>', version).replace(/[?&]page=\d+$/, '')
    return value.replaceAll(base, '^').replaceAll(/<\^([?&]page=\d+)>; rel="(\w+)"/g, '$2$1')
  }
  return value.replaceAll(version, '<v>')
}

/** The hash of a body; but a body that has to be readable in a difference is recorded itself. */
function contentOf (decoded, type = '', { url, sent }, version) {
  if (decoded.length === 0) return {}
  const isProblem = type.startsWith('application/problem+json')
  const isDescription = ['/v1/datasets', dataset].includes(url) && Object.keys(sent).length === 0
  if (!isProblem && !isDescription) return { bytes: decoded.length, sha256: sha256(decoded) }
  const { request_id: _, ...document } = JSON.parse(decoded.toString().replaceAll(version, '<v>'))
  return isProblem ? { problem: document } : { document }
}

function decode (body, coding) {
  if (body.length === 0) return body
  switch (coding) {
    case undefined: return body
    case 'gzip': return zlib.gunzipSync(body)
    case 'br': return zlib.brotliDecompressSync(body)
    case 'zstd': return zlib.zstdDecompressSync(body)
    default: throw new Error(`nobody asked for the content coding ${coding}`)
  }
}

function dependsOnZstd ({ sent: { 'accept-encoding': encoding = '' } }) {
  return /zstd|\*/.test(encoding)
}

function recordedBody (body) {
  return body.length <= LONGEST_BODY ? body : `${body.length} bytes, sha256 ${sha256(body)}`
}

function sha256 (bytes) {
  // So many digits are enough to tell a difference.
  return createHash('sha256').update(bytes).digest('hex').slice(0, 24)
}

// ---- The comparison

/** Lines that tell how a response differs from what it was; none if it does not. */
function differences (before, after, strict = false) {
  const lenient = options['ignore-details'] && !strict
  const isText = lenient && before.text
  const found = []
  if (before.status !== after.status) found.push(`status: ${before.status} → ${after.status}`)

  const ignored = []
  if (isText) ignored.push('etag', 'content-length')
  // Only the answer to a HEAD has the length itself: that of a text, or of what this version of zlib makes.
  if (lenient && before.status >= 400) ignored.push('content-length')
  if (before.encoded && before.encoded.node !== node) ignored.push('content-length')
  for (const name of namesIn(before.headers, after.headers)) {
    const [was, is] = [before.headers[name], after.headers[name]]
    if (was !== is && !ignored.includes(name)) found.push(`header ${name}: ${was ?? 'none'} → ${is ?? 'none'}`)
  }

  for (const kind of ['problem', 'document']) {
    const [was, is] = [before, after].map(entry => lenient ? withoutTexts(entry[kind]) : entry[kind])
    found.push(...documentDifferences(kind, was, is))
  }

  const hidden = isText && before.sha256 !== undefined && after.sha256 !== undefined
  if (!hidden && (before.sha256 !== after.sha256 || before.bytes !== after.bytes)) {
    found.push(`body: ${bodyText(before)} → ${bodyText(after)}`)
  }
  const comparable = before.encoded?.node === after.encoded?.node
  if (!isText && comparable && before.encoded?.sha256 !== after.encoded?.sha256) {
    found.push(`encoded body: sha256 ${before.encoded.sha256} → ${after.encoded.sha256}`)
  }
  return found
}

function documentDifferences (kind, was = {}, is = {}) {
  const [before, after] = [was, is].map(document => JSON.stringify(document))
  if (before === after) return []
  const found = namesIn(was, is)
    .map(name => [name, JSON.stringify(was[name]), JSON.stringify(is[name])])
    .filter(([, before, after]) => before !== after)
    .map(([name, before, after]) => `${kind}.${name}: ${before ?? 'none'} → ${after ?? 'none'}`)
  return found.length > 0 ? found : [`order in the ${kind}: ${Object.keys(was)} → ${Object.keys(is)}`]
}

function namesIn (...objects) {
  return [...new Set(objects.flatMap(object => Object.keys(object)))]
}

/** A document without the texts that are for people. */
function withoutTexts (document) {
  const texts = ['title', 'detail', 'description']
  return document && JSON.parse(JSON.stringify(document, (name, value) => texts.includes(name) ? undefined : value))
}

function bodyText ({ bytes, sha256, problem, document }) {
  if (problem ?? document) return 'a document'
  return bytes === undefined ? 'none' : `${bytes} bytes, sha256 ${sha256}`
}

function keyOf ({ method = 'GET', url, sent = {}, body }) {
  return JSON.stringify([method, url, sent, body === undefined ? body : recordedBody(body)])
}

function titleOf ({ method = 'GET', url, sent = {}, body }) {
  const headers = Object.entries(sent).map(([name, value]) => `, ${name}: ${value}`)
  return `${method} ${url}${headers.join('')}${body === undefined ? '' : `, body: ${recordedBody(body)}`}`
}

// ---- The file

/*
 * An entry a line, as short as it can be and still be read: GET and 200 are left out, `~` stands for the path of the
 * splits, and what most responses of a group have in common is in the first line.
 */

function readGolden () {
  const [{ version, usual }, ...lines] = JSON.parse(readFileSync(goldenFile, 'utf8'))
  const entries = lines.map(({ url, status = 200, headers = {}, problem, ...rest }) => {
    const entry = { url: url.replace(/^~/, splitsPath), status, ...rest }
    return {
      ...entry,
      headers: expanded(headers, { ...usual.all, ...usual[groupOf(entry)] }),
      ...(problem && { problem: withDetails(expanded(problem, usual[problem.code])) })
    }
  })
  return { version, entries }
}

function writeGolden (version, entries) {
  const problems = entries.map(({ problem }) => problem).filter(Boolean).map(withoutDetails)
  const all = common(entries.map(({ headers }) => headers))
  const groups = Object.entries(grouped(entries, groupOf)).map(([group, members]) => {
    return [group, compacted(common(members.map(({ headers }) => headers)), all)]
  })
  const codes = Object.entries(grouped(problems, ({ code }) => code)).map(([code, members]) => [code, common(members)])
  const usual = { all, ...Object.fromEntries([...groups, ...codes].sort()) }

  const lines = entries.map(({ url, status, headers, problem, ...rest }) => {
    const unusual = compacted(headers, { ...all, ...usual[groupOf({ url, status })] })
    return {
      url: url.replace(splitsPath, '~'),
      ...(status !== 200 && { status }),
      ...rest,
      ...(Object.keys(unusual).length > 0 && { headers: unusual }),
      ...(problem && { problem: { code: problem.code, ...compacted(withoutDetails(problem), usual[problem.code]) } })
    }
  })
  mkdirSync(dirname(goldenFile), { recursive: true })
  writeFileSync(goldenFile, `[\n${[{ version, usual }, ...lines].map(line => JSON.stringify(line)).join(',\n')}\n]\n`)
}

/** Responses of a group have most headers in common. */
function groupOf ({ url, status }) {
  const [, resource = 'other'] = /\/(batches|gather|stream|samples|mean|files|docs)\b/.exec(url) ?? []
  if (status !== 200) return `${resource} ${status}`
  const [, split = ''] = /\/splits\/(\w+)/.exec(url) ?? []
  const [, format = ''] = /\bformat=(\w+)/.exec(url) ?? []
  return [resource, status, split, format].filter(part => part !== '').join(' ')
}

function grouped (values, keyOf) {
  const groups = {}
  for (const value of values) (groups[keyOf(value)] ??= []).push(value)
  return groups
}

/** Of each member the value that most of these objects have; null where most have none. */
function common (objects) {
  return Object.fromEntries(namesIn(...objects).map(name => {
    const times = new Map()
    for (const object of objects) {
      const text = textOf(object[name])
      times.set(text, (times.get(text) ?? 0) + 1)
    }
    const [[text]] = [...times].sort(([, a], [, b]) => b - a)
    return [name, JSON.parse(text)]
  }))
}

/** The members that are not as usual; one that is missing is null. */
function compacted (object, usual) {
  const unusual = namesIn(object, usual).filter(name => textOf(object[name]) !== textOf(usual[name]))
  return Object.fromEntries(unusual.map(name => [name, object[name] ?? null]))
}

function textOf (value) {
  return JSON.stringify(value ?? null)
}

function expanded (object, usual) {
  return Object.fromEntries(Object.entries({ ...usual, ...object }).filter(([, value]) => value !== null))
}

/** A problem with one error says the same twice; `^` stands for that. */
function withoutDetails (problem) {
  return withErrors(problem, error => error.detail === problem.detail ? { ...error, detail: '^' } : error)
}

function withDetails (problem) {
  return withErrors(problem, error => error.detail === '^' ? { ...error, detail: problem.detail } : error)
}

function withErrors (problem, change) {
  return problem.errors === undefined ? problem : { ...problem, errors: problem.errors.map(change) }
}

// Last, since what is above has to be there.
process.exitCode = (mode === 'record' ? await record() : await compare()) ? 1 : 0
