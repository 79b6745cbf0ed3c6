import { FileCache } from '../acquire/cache.ts'
import { createOriginals } from '../acquire/originals.ts'
import type { DatasetEntry, PreparedDataset } from '../dataset/entry.ts'
import { messageOf } from '../errors.ts'
import type { PipelineOptions } from './pipeline.ts'
import { versionOf } from './version.ts'
import { preparedDataset, type DatasetToServe, type Identity } from '../dataset/prepared.ts'
import { PreparedCache } from '../artifact/store.ts'
import { restore, type Restore } from '../artifact/restore.ts'

export interface LoadOptions extends PipelineOptions {
  /** Prepared datasets that are kept in the data folder. */
  readonly keep: number
  /** What looks first for what was prepared before; a new thread where none is given. */
  readonly restore?: Restore
}

/**
 * A dataset that can be served: as it was prepared before, or else through the pipeline. Of all processes that share the
 * data folder one prepares it, and the others wait for that.
 */
export async function loadDataset (entry: DatasetEntry, options: LoadOptions): Promise<PreparedDataset> {
  const { dataFolder, signal, log, split, prepare } = options
  const identity: Identity = { entry, version: versionOf(entry, split, prepare), settings: { split, prepare } }
  const { version } = identity
  const cache = new PreparedCache(dataFolder, options.keep)
  const warn = (message: string): void => log.warn({ dataset: entry.name }, message)
  const waiting = (): void => log.info({ dataset: entry.name }, 'another process is preparing it')

  const dataset = await kept(options.restore) ?? await cache.exclusively(version, { signal, waiting, warn }, async () => {
    // It may have been made while this waited.
    const made = await kept()
    if (made) return made
    // Loaded only here: who has everything prepared starts without the network, TensorFlow.js and all that.
    const { makeDataset } = await import('./pipeline.ts')
    const dataset = await makeDataset(identity, options)
    await cache.write(dataset).catch((error: Error) => warn(error.message))
    return dataset
  })
  const fileCache = new FileCache(dataFolder)
  const originals = createOriginals(entry, dataset.files, {
    cache: fileCache,
    warn,
    // Imported on demand: a restored dataset needs no HTTP client unless a file has to be acquired again.
    openSources: async () => {
      const { resolveSources } = await import('../acquire/resolve-sources.ts')
      return resolveSources(entry, options.sources, { cache: fileCache, warn })
    }
  })
  return { ...dataset, originals }

  async function kept (restored = restore): Promise<DatasetToServe | undefined> {
    const started = performance.now()
    try {
      const found = await restored({ dataFolder, version, classes: entry.classes.length }, signal)
      if (!found) return undefined
      const { manifest, arrays } = found
      log.info({ dataset: entry.name, backend: manifest.backend, ms: Math.round(performance.now() - started) }, 'restored as it was prepared before')
      return preparedDataset(identity, manifest, arrays)
    } catch (error) {
      signal.throwIfAborted()
      warn(`what is kept of version ${version} is not used: ${messageOf(error)}`)
      await cache.setAside(version).catch((error: Error) => warn(error.message))
      return undefined
    }
  }
}
