/**
 * The service with MNIST repeated REPEAT times, and otherwise as in `src/server.ts`. The repeated files are written to
 * the cache of verified files, each under its own SHA-256; with WRITE_FILES, the program then ends.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildApp } from '../../dist/app.js'
import { loadConfig } from '../../dist/config/config.js'
import { catalogue } from '../../dist/dataset/catalogue/index.js'
import { DatasetRegistry } from '../../dist/dataset/registry.js'
import { loadDataset } from '../../dist/load/load-dataset.js'
import { createConsole } from '../../dist/process/console.js'
import { idxFolder } from '../../scripts/lib/mnist.js'

const repeat = Number(process.env.REPEAT)
const config = loadConfig([...catalogue.keys()])
const mnist = catalogue.get('mnist')
const { logger } = await createConsole(config.logLevel)

const files = Object.fromEntries(Object.entries(mnist.files).map(([role, file]) => [role, repeatFile(file)]))
const entry = { ...mnist, files, mirrors: [], embedded: undefined }
if (process.env.WRITE_FILES) process.exit()

const registry = new DatasetRegistry([entry])
const app = await buildApp({ config, registry, logger })
await app.listen({ host: config.host, port: config.port, listenTextResolver: url => `listening on ${url}` })
process.once('SIGTERM', () => app.close().then(() => process.exit()))
const { dataFolder, keepPrepared: keep, sources, split, prepare, backend } = config
const { signal } = new AbortController()
registry.ready(await loadDataset(entry, {
  dataFolder, keep, sources, split, prepare, backend, signal, report: () => {}, log: logger
}))
logger.info('mnist is ready')

/** The catalogue's description of a file that repeats the samples of `file`; writes it unless it is cached. */
function repeatFile (file) {
  const [count, ...shape] = file.dimensions
  const hashFile = join(config.dataFolder, `${file.name}-${repeat}`)
  if (!existsSync(hashFile)) {
    const original = readFileSync(join(idxFolder, file.name))
    const header = Buffer.from(original.subarray(0, 4 * (1 + file.dimensions.length)))
    header.writeUInt32BE(count * repeat, 4)
    const content = Buffer.concat([header, ...new Array(repeat).fill(original.subarray(header.length))])
    const sha256 = createHash('sha256').update(content).digest('hex')
    mkdirSync(join(config.dataFolder, 'files'), { recursive: true })
    writeFileSync(join(config.dataFolder, 'files', sha256), content)
    writeFileSync(hashFile, sha256)
  }
  return { ...file, dimensions: [count * repeat, ...shape], sha256: readFileSync(hashFile, 'utf8') }
}
