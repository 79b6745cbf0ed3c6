/**
 * The service over MNIST repeated: REPEAT times the samples, everything else as in `src/server.ts`. The repeated files are
 * put where the cache of verified files would have them, each under its own SHA-256; with PREPARE_FILES that is all.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { catalogue } from '../dist/dataset/catalogue.js'
import { buildApp } from '../dist/app.js'
import { loadConfig } from '../dist/config.js'
import { createConsole } from '../dist/process/console.js'
import { loadDataset } from '../dist/prepare/load.js'
import { DatasetRegistry } from '../dist/dataset/registry.js'
import { idxFolder } from './idx.js'

const times = Number(process.env.REPEAT)
const config = loadConfig([...catalogue.keys()])
const mnist = catalogue.get('mnist')
const { logger } = await createConsole(config.logLevel)

const files = Object.fromEntries(Object.entries(mnist.files).map(([role, file]) => [role, repeated(file)]))
const entry = { ...mnist, files, mirrors: [], embedded: undefined }
if (process.env.PREPARE_FILES) process.exit()

const store = new DatasetRegistry([entry])
const app = await buildApp({ config, store, logger })
await app.listen({ host: config.host, port: config.port, listenTextResolver: url => `listening on ${url}` })
process.once('SIGTERM', () => app.close().then(() => process.exit()))
const { dataFolder, keepPrepared: keep, sources, split, prepare, backend } = config
const { signal } = new AbortController()
store.ready(await loadDataset(entry, { dataFolder, keep, sources, split, prepare, backend, signal, report: () => {}, log: logger }))
logger.info('mnist is ready')

/** The entry of a file that has the samples of `file` again and again; made in the cache unless it is there. */
function repeated (file) {
  const [count, ...shape] = file.dimensions
  const note = join(config.dataFolder, `${file.name}-${times}`)
  if (!existsSync(note)) {
    const original = readFileSync(join(idxFolder, file.name))
    const header = Buffer.from(original.subarray(0, 4 * (1 + file.dimensions.length)))
    header.writeUInt32BE(count * times, 4)
    const content = Buffer.concat([header, ...new Array(times).fill(original.subarray(header.length))])
    const sha256 = createHash('sha256').update(content).digest('hex')
    mkdirSync(join(config.dataFolder, 'files'), { recursive: true })
    writeFileSync(join(config.dataFolder, 'files', sha256), content)
    writeFileSync(note, sha256)
  }
  return { ...file, dimensions: [count * times, ...shape], sha256: readFileSync(note, 'utf8') }
}
