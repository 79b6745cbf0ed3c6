import { handOverSignals } from './early-stop.ts'
import { earlyRestore } from './early-restore.ts'
import { endianness } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { catalogue } from './acquire/catalogue.ts'
import { loadConfig, type Config } from './config.ts'
import type { DatasetEntry } from './dataset.ts'
import { ServiceError, messageOf } from './errors.ts'
import { createConsole } from './console.ts'
import { loadArrow } from './encode/arrow.ts'
import { loadDataset } from './load.ts'
import { DatasetStore } from './store/store.ts'

/** The process ends after this at the latest: responses have 7 s (see draining.ts), and a container is killed after 10 s. */
const GRACE_MS = 8000

/** The process edge: config → store → app → listen → pipeline, and a close with grace. */
async function main (): Promise<void> {
  const config = loadConfig([...catalogue.keys()])
  // Batches are sent as the memory that holds them, and clients read them as little-endian.
  if (endianness() !== 'LE') throw new ServiceError('invalid_configuration', 'this machine is big-endian; batches are little-endian')

  const { logger, report } = await createConsole(config.logLevel)
  const entries = config.datasets.map(name => catalogue.get(name)!)
  const store = new DatasetStore(entries)
  const stopping = new AbortController()
  const loading = loadAll()
  // Loaded here, so that what was prepared before is read meanwhile.
  const { buildApp } = await import('./app.ts')
  const app = await buildApp({ config, store, logger })

  handOverSignals()
  closeWithGrace({ delay: GRACE_MS, logger }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'stopping after an error')
    else logger.info(`stopping on ${signal}`)
    stopping.abort(new Error('the server is stopping'))
    await app.close()
  })

  await app.listen({ host: config.host, port: config.port, listenTextResolver: url => `listening on ${url}` })

  await loading
  // Not before, since nobody waits for it; not at its first use, since somebody would.
  loadArrow()

  async function loadAll (): Promise<void> {
    for (const entry of entries) {
      if (!stopping.signal.aborted) await load(entry)
    }
  }

  async function load (entry: DatasetEntry): Promise<void> {
    try {
      const dataset = await loadDataset(entry, {
        ...pipelineSettings(config),
        ...(entry === entries[0] && { restore: earlyRestore }),
        signal: stopping.signal,
        log: logger,
        report: progress => {
          store.progress(entry, progress)
          report(entry.name, progress)
        }
      })
      store.ready(dataset)
      logger.info({ dataset: entry.name, version: dataset.version, ms: Math.round(performance.now()) }, `${entry.name} is ready`)
    } catch (error) {
      if (stopping.signal.aborted) return
      store.fail(entry, messageOf(error))
      logger.error({ dataset: entry.name, ...(!(error instanceof ServiceError) && { err: error }) }, `${entry.name} failed: ${messageOf(error)}`)
    }
  }
}

function pipelineSettings ({ dataFolder, keepPrepared, datasets, sources, split, prepare, backend }: Config) {
  // What is served now is never in the way of itself.
  return { dataFolder, keep: keepPrepared && Math.max(keepPrepared, datasets.length), sources, split, prepare, backend }
}

main().catch(error => {
  // One line where the reason lies outside (a setting, a port that is taken), a stack where it lies in here.
  const expected = error instanceof ServiceError || typeof error?.syscall === 'string'
  process.stderr.write(`mnist-batch-server: ${expected ? error.message : error?.stack ?? error}\n`)
  process.exit(1)
})
