import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { buildApp } from '../../dist/app.js'
import { loadConfig } from '../../dist/config/config.js'
import { catalogue } from '../../dist/dataset/catalogue/index.js'
import { mix } from '../../dist/dataset/order.js'
import { createPreparedDataset } from '../../dist/dataset/prepared.js'
import { DatasetRegistry } from '../../dist/dataset/registry.js'
import { perSplit } from '../../dist/dataset/sample-splits.js'
import { npyHeader } from '../../dist/encode/npy.js'
import { computeMap } from '../../dist/map/compute-map.js'
import { startPrepareProcess } from '../../dist/prepare/prepare.js'
import { splitDataset } from '../../dist/prepare/split.js'
import { temporaryFolder } from '../../scripts/lib/files.js'

const CLASSES = 10
/** No multiples of a batch. */
const counts = { train: 403, test: 61 }

/**
 * Serves made-up images of three channels, prepared as any others.
 *
 * @param shape `{ rows, columns }`
 * @param settings of the service, and `DENOISE`
 * @returns the address, a folder with the original arrays as NPY files, and `stop`
 */
export async function startColourServer ({ rows, columns }, settings = {}) {
  const shape = { channels: 3, rows, columns }
  const raw = { shape, train: makeSamples(shape, counts.train, 1), test: makeSamples(shape, counts.test, 2) }
  const folder = temporaryFolder('colour')
  for (const name of ['train', 'test']) {
    const { count, images, labels } = raw[name]
    writeFileSync(join(folder, `${name}-images.npy`), encodeNpy([count, 3, rows, columns], images))
    writeFileSync(join(folder, `${name}-labels.npy`), encodeNpy([count], labels))
  }
  const { DENOISE: denoise = 'none', ...environment } = settings
  const dataset = await prepare(raw, { denoise, meanOver: 'train' })
  const registry = new DatasetRegistry([dataset.entry])
  registry.ready(dataset)
  const app = await buildApp({
    config: loadConfig(['mnist'], environment),
    registry,
    logger: pino({ level: 'error' }),
    explorer: new URL('../../dist/explorer/', import.meta.url)
  })
  const base = await app.listen({ host: '127.0.0.1', port: Number(environment.PORT ?? 0) })
  return { base, folder, stop: () => app.close() }
}

/** Images of smooth colours and noise, other ones in each channel, whose hue tells their class. */
function makeSamples ({ channels, rows, columns }, count, seed) {
  const images = new Uint8Array(count * channels * rows * columns)
  const labels = Uint8Array.from({ length: count }, (_, i) => mix(i ^ mix(seed)) % CLASSES)
  for (let i = 0, at = 0; i < count; i++) {
    for (let channel = 0; channel < channels; channel++) {
      const phase = labels[i] / CLASSES * 2 * Math.PI + channel * 2
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, at++) {
          const slope = (row / rows - column / columns) * (1 + channel)
          images[at] = 110 + 20 * channel + 60 * Math.sin(phase + slope) + mix(at ^ mix(seed)) % (60 - 15 * channel)
        }
      }
    }
  }
  return { count, images, labels }
}

async function prepare (raw, settings) {
  const split = { mode: 'contiguous', valFraction: 0.2, seed: 0 }
  const splits = await splitDataset(raw, split)
  const preparer = startPrepareProcess(new AbortController().signal)
  const { images, ...fit } = await preparer.prepare({ settings, backend: 'auto', shape: raw.shape }, splits, () => {})
  await preparer.stop()
  const entry = { ...catalogue.get('mnist'), name: 'colour', title: 'Made-up colours', description: 'Made up.' }
  const identity = { entry, version: '0123456789abcdef', settings: { split, prepare: settings } }
  const facts = { ...fit, shape: raw.shape, backend: fit.backend.name, files: [] }
  const arrays = { ...fit, splits: perSplit(name => ({ images: images[name], labels: splits[name].labels })) }
  const dataset = createPreparedDataset(identity, facts, arrays)
  const map = { ...computeMap({ shape: raw.shape, splits: dataset.splits }), hash: '0123456789abcdef' }
  return { ...dataset, originals: { gzips: [] }, map: { get: async () => map } }
}

function encodeNpy (shape, values) {
  return Buffer.concat([npyHeader(shape, 'uint8'), values])
}
