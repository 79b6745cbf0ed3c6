import type { Config } from '../config/config.ts'
import type { DatasetHead, DatasetRegistry, LoadedDataset } from '../dataset/registry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Console } from '../process/console.ts'
import { loadAll } from './load-all.ts'
import { loadDataset, resolveEntry } from './load-dataset.ts'

export interface LoadingOptions extends Console {
  readonly config: Config
  readonly registry: DatasetRegistry
  readonly signal: AbortSignal
}

/** Loads the datasets of the configuration into the registry, as `loadAll` does. */
export function loadConfigured (options: LoadingOptions): ReturnType<typeof loadAll> {
  const { config, registry, signal } = options
  return loadAll({
    registry,
    signal,
    retryDelayMs: config.retryDelayMs,
    load: head => load(head, options),
    onFailure: (head, error, delayMs) => handleFailure(head, error, delayMs, options)
  })
}

async function load (head: DatasetHead, options: LoadingOptions): Promise<LoadedDataset> {
  const { config, registry, logger, report, signal } = options
  const { name } = head
  const { dataFolder, keepPrepared, datasets, sources, split, prepare, backend } = config
  const dataset = await loadDataset(await resolveEntry(name, sources.folder), {
    dataFolder,
    // At least as many as are served, since they would replace each other's artifacts otherwise.
    keep: keepPrepared && Math.max(keepPrepared, datasets.length),
    sources,
    split,
    prepare,
    backend,
    signal,
    log: logger,
    report (progress) {
      registry.progress(head, progress)
      report(name, progress)
    }
  })
  logger.info({ dataset: name, version: dataset.version, ms: Math.round(performance.now()) }, `${name} is ready`)
  return dataset
}

/**
 * Logs why a dataset failed.
 *
 * @returns the reason to publish
 * @throws ServiceError dataset_failed: the process is to end
 */
function handleFailure (
  { name }: DatasetHead,
  error: unknown,
  delayMs: number,
  { config, logger }: LoadingOptions
): string {
  const bug = !(error instanceof ServiceError)
  const message = `${name} failed: ${messageOf(error)}`
  if (config.exitOnFailure) {
    if (bug) logger.fatal({ err: error }, message)
    throw new ServiceError('dataset_failed', message, { cause: error })
  }
  const seconds = Math.ceil(delayMs / 1000)
  logger.error({ dataset: name, ...(bug && { err: error }) }, `${message}; next attempt in ${seconds} s`)
  return bug ? 'an unexpected error occurred; the server log has the details' : messageOf(error)
}
