import { handOverSignals } from './process/signals.ts'
import { earlyRestore } from './artifact/early-restore.ts'
import { endianness } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { catalogue } from './dataset/catalogue/index.ts'
import { loadConfig, type Config } from './config.ts'
import { entryOf } from './prepare/entry.ts'
import { ServiceError, messageOf } from './errors.ts'
import { createConsole } from './process/console.ts'
import { loadArrow } from './encode/arrow.ts'
import { loadDataset } from './prepare/load.ts'
import { DatasetRegistry, type DatasetHead } from './dataset/registry.ts'

/** The process ends after this at the latest: responses have 7 s (see draining.ts), and a container is killed after 10 s. */
const GRACE_MS = 8000

/** The process edge: config → store → app → listen → pipeline, and a close with grace. */
async function main (): Promise<void> {
  const config = loadConfig([...catalogue.keys()])
  // Batches are sent as the memory that holds them, and clients read them as little-endian.
  if (endianness() !== 'LE') throw new ServiceError('invalid_configuration', 'this machine is big-endian; batches are little-endian')

  const { logger, report } = await createConsole(config.logLevel)
  const heads = config.datasets.map(name => catalogue.get(name) ?? { name, title: name })
  const store = new DatasetRegistry(heads)
  const stopping = new AbortController()
  const loading = loadAll()
  // Loaded here, so that what was prepared before is read meanwhile.
  const { buildApp } = await import('./app.ts')
  const app = await buildApp({ config, registry: store, logger })

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
    for (const head of heads) {
      if (!stopping.signal.aborted) await load(head)
    }
  }

  async function load (head: DatasetHead): Promise<void> {
    try {
      const dataset = await loadDataset(await entryOf(head.name, config.sources.folder), {
        ...pipelineSettings(config),
        ...(head === heads[0] && { restore: earlyRestore }),
        signal: stopping.signal,
        log: logger,
        report: progress => {
          store.progress(head, progress)
          report(head.name, progress)
        }
      })
      store.ready(dataset)
      logger.info({ dataset: head.name, version: dataset.version, ms: Math.round(performance.now()) }, `${head.name} is ready`)
    } catch (error) {
      if (stopping.signal.aborted) return
      store.fail(head, messageOf(error))
      logger.error({ dataset: head.name, ...(!(error instanceof ServiceError) && { err: error }) }, `${head.name} failed: ${messageOf(error)}`)
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
