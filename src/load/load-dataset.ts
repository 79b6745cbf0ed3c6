import { join } from 'node:path'
import { FileCache } from '../acquire/cache.ts'
import { factsOf } from '../artifact/manifest.ts'
import { ArtifactStore } from '../artifact/store.ts'
import { catalogue } from '../dataset/catalogue/index.ts'
import type { DatasetEntry } from '../dataset/entry.ts'
import { createPreparedDataset, type DatasetIdentity, type PreparedDataset } from '../dataset/prepared.ts'
import type { LoadedDataset } from '../dataset/registry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { createMapSource } from '../map/map-source.ts'
import { createOriginals } from '../originals/original-files.ts'
import type { PipelineOptions } from './pipeline.ts'
import { datasetVersion } from './version.ts'

export interface LoadOptions extends PipelineOptions {
  /** Number of artifacts to keep in the data folder. */
  readonly keep: number
}

/**
 * Loads a dataset: restores its artifact, or runs the pipeline and writes one. Of all processes that share the data
 * folder one runs the pipeline, and the others wait for its artifact.
 */
export async function loadDataset (entry: DatasetEntry, options: LoadOptions): Promise<LoadedDataset> {
  const { dataFolder, signal, log, split, prepare } = options
  const version = datasetVersion(entry, split, prepare)
  const identity: DatasetIdentity = { entry, version, settings: { split, prepare } }
  const warn = (message: string): void => log.warn({ dataset: entry.name }, message)
  const store = new ArtifactStore(dataFolder, options.keep, warn)
  const waiting = (): void => log.info({ dataset: entry.name }, 'another process is preparing it')

  const dataset = await restored() ?? await store.withLock(version, { signal, waiting, warn }, async () => {
    // Another process may have prepared it while this one waited for the lock.
    return await restored() ?? await prepared()
  })
  const cache = new FileCache(dataFolder, warn)
  const originals = createOriginals(entry, dataset.files, {
    cache,
    warn,
    // Imported on demand: a restored dataset needs no HTTP client unless a file has to be acquired again.
    openSources: async () => {
      const { resolveSources } = await import('../acquire/resolve-sources.ts')
      return resolveSources(entry, options.sources, { cache, warn })
    }
  })
  return { ...dataset, originals, map: createMapSource(dataset, { store, signal, warn }) }

  async function restored (): Promise<PreparedDataset | undefined> {
    const started = performance.now()
    try {
      const found = await store.read(version, entry.classes.length)
      signal.throwIfAborted()
      if (!found) return undefined
      const { manifest, arrays } = found
      const ms = Math.round(performance.now() - started)
      log.info({ dataset: entry.name, backend: manifest.backend, ms }, 'restored')
      // Files may have been renamed since the artifact was written.
      const files = manifest.files.map((file, i) => ({ ...file, name: entry.files[i]!.name }))
      return createPreparedDataset(identity, { ...factsOf(manifest), files }, arrays)
    } catch (error) {
      signal.throwIfAborted()
      warn(`the artifact of version ${version} is not used: ${messageOf(error)}`)
      await store.quarantine(version).catch(error => warn(messageOf(error)))
      return undefined
    }
  }

  async function prepared (): Promise<PreparedDataset> {
    // Imported on demand, so that restoring loads neither the HTTP client nor the decoders.
    const { runPipeline } = await import('./pipeline.ts')
    const dataset = await runPipeline(identity, options)
    await store.write(dataset).catch(error => warn(messageOf(error)))
    return dataset
  }
}

/**
 * The catalogue's declaration of a dataset; for other names, a declaration read off its files in a local folder.
 *
 * @param folder contains one subfolder per dataset
 * @throws ServiceError no_source
 */
export async function resolveEntry (name: string, folder: string | undefined): Promise<DatasetEntry> {
  const declared = catalogue.get(name)
  if (declared) return declared
  if (folder === undefined) {
    throw new ServiceError('no_source', `${name} is not in the catalogue, and no folder is configured`)
  }
  const [{ listFolder }, { declareFolder }] = await Promise.all([
    import('../acquire/folder-files.ts'),
    import('../decode/decoders.ts')
  ])
  return await declareFolder(listFolder(join(folder, name), name))
}
