import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { endianness } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { loadConfig, type Config } from './config/config.ts'
import { catalogue } from './dataset/catalogue/index.ts'
import { DatasetRegistry } from './dataset/registry.ts'
import { FileWatch } from './disk/file-watch.ts'
import { preloadArrow } from './encode/arrow.ts'
import { ServiceError, messageOf } from './errors.ts'
import { ApiKeys } from './http/plugins/api-keys.ts'
import { readCertificate, type Certificate } from './http/server/certificate.ts'
import type { Tracing } from './http/tracing/tracing.ts'
import { loadConfigured } from './load/load-configured.ts'
import { createConsole, type Console } from './process/console.ts'
import { redact } from './process/log-output.ts'
import { releaseSignals, reloadOnChange } from './process/signals.ts'
import { assertWebAssembly } from './config/resources.ts'
import { lowerPoolPriority } from './scheduling/thread-priority.ts'

/** Deadline of a shutdown: above the 7 s that draining allows responses, below the 10 s after which Docker kills. */
const GRACE_MS = 8000

/** Compression threads outnumber the cores; the request thread must win. */
const POOL_NICE = 10

/** SIGHUP reloads keys and certificates; the others are crashes: handling one would loop forever. */
const UNHANDLED: closeWithGrace.Signals[] = [
  'SIGHUP', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGABRT'
]

async function main (): Promise<void> {
  const config = loadConfig([...catalogue.keys()])
  assertLittleEndian()
  assertWebAssembly()
  await lowerPoolPriority(POOL_NICE)
  const hasSources = await findSources(config)
  const { apiKeysFile, tls } = config
  const keyFiles = apiKeysFile === undefined ? undefined : await FileWatch.of([apiKeysFile])
  const apiKeys = apiKeysFile === undefined ? undefined : await ApiKeys.read(apiKeysFile)
  const certificateFiles = tls && await FileWatch.of([tls.cert, tls.key])
  const certificate = tls && await readCertificate(tls)
  const { logger, report } = await createConsole(config.logLevel)
  logger.info(`${config.threads} compute threads: ${config.threadsReason}`)
  for (const warning of config.warnings) logger.warn(warning)
  if (!hasSources) logger.warn(`SOURCE_DIR has none of the datasets ${config.datasets.join(', ')}`)
  const registry = new DatasetRegistry(config.datasets.map(name => catalogue.get(name) ?? { name, title: name }))
  if (apiKeys) {
    if (apiKeys.count === 0) logger.warn('API_KEYS_FILE has no keys, so only probes are answered')
    reloadOnChange(keyFiles!, () => reloadKeys(apiKeys, logger))
  }
  const stopping = new AbortController()

  // Loading starts before the app is imported, since it mostly waits: for files, or for the preparing process.
  const { signal } = stopping
  const loading = loadConfigured({ config, registry, logger, report, signal })
  // Handled below, once the app can be closed.
  loading.catch(() => {})
  const { buildApp } = await import('./app.ts')
  const { listen, resolveHost } = await import('./http/server/listen.ts')
  const explorer = new URL('./explorer/', import.meta.url)
  const tracing = config.otlpEndpoint === undefined ? undefined : await importTracing(config.otlpEndpoint, logger)
  const app = await buildApp({ config, registry, logger, apiKeys, explorer, certificate, tracing })
  if (tls) reloadOnChange(certificateFiles!, () => reloadCertificate(app, tls, logger))

  closeWithGrace({ delay: config.shutdownDelayMs + GRACE_MS, logger, skip: UNHANDLED }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'stopping after an error')
    else logger.info(`stopping on ${signal}`)
    stopping.abort(new Error('the server is stopping'))
    await app.close()
  })
  // Only now that the new handlers are installed, so that no signal is lost.
  releaseSignals()

  const host = await resolveHost(config.host)
  const { port, metricsPort } = config
  await listen(app, { host, port })
  if (metricsPort !== undefined) {
    const { listenForMetrics } = await import('./http/routes/metrics.ts')
    await listenForMetrics(app, host.startsWith('unix:') ? '127.0.0.1' : host, metricsPort)
  }
  // Generated while datasets load: it takes tens of milliseconds, and is cached.
  app.swagger()
  try {
    const { retrying } = await loading
    // Preloads slow imports that would otherwise delay the first Arrow response and the first metrics.
    await preloadArrow()
    await app.loadMetrics()
    await retrying
  } catch (error) {
    await app.close()
    throw error
  }
}

async function importTracing (endpoint: string, logger: Console['logger']): Promise<Tracing> {
  const { startTracing } = await import('./http/tracing/tracing.ts')
  return startTracing(endpoint, createRequire(import.meta.url)('#package.json').version, logger)
}

/** Keys that were removed from the file are rejected from then on. */
async function reloadKeys (apiKeys: ApiKeys, logger: Console['logger']): Promise<void> {
  try {
    await apiKeys.reload()
    logger.info(`${apiKeys.count} API keys are valid now`)
  } catch (error) {
    logger.error(`the API keys stay as they were: ${messageOf(error)}`)
  }
}

/** Connections that are opened from then on use the new certificate. */
async function reloadCertificate (
  app: { replaceCertificate (certificate: Certificate): void },
  files: NonNullable<Config['tls']>,
  logger: Console['logger']
): Promise<void> {
  try {
    app.replaceCertificate(await readCertificate(files))
    logger.info('the certificate was read again')
  } catch (error) {
    logger.error(`the certificate stays as it was: ${messageOf(error)}`)
  }
}

/**
 * Whether SOURCE_DIR is not set, or has a folder for one of the datasets.
 *
 * @throws ServiceError invalid_configuration: it cannot be read, which would look like a folder without datasets
 */
async function findSources ({ datasets, sources: { folder } }: Config): Promise<boolean> {
  if (folder === undefined) return true
  const names = await readdir(folder).catch(cause => {
    const detail = `SOURCE_DIR must be a folder that can be read, got '${folder}': ${messageOf(cause)}`
    throw new ServiceError('invalid_configuration', detail, { cause })
  })
  // The datasets of a family may share a folder.
  return datasets.some(name => names.includes(name) || names.includes(name.split('-')[0]!))
}

/** Batches are sent as they are in memory, and clients read them as little-endian. */
function assertLittleEndian (): void {
  if (endianness() === 'LE') return
  throw new ServiceError('invalid_configuration', 'this machine is big-endian, but batches are little-endian')
}

main().catch(error => {
  // Configuration and system errors, such as an occupied port, take one line; bugs show their stack.
  const expected = error instanceof ServiceError || typeof error?.syscall === 'string'
  process.stderr.write(redact(`mnist-batch-server: ${expected ? error.message : error?.stack ?? error}\n`))
  process.exit(1)
})
