import { tmpdir } from 'node:os'
import { acquire, type AcquiredDataset } from '../acquire/acquire.ts'
import { FileCache } from '../acquire/cache.ts'
import { resolveSources, type SourceSettings } from '../acquire/resolve-sources.ts'
import { closeSources } from '../acquire/source.ts'
import { perSplit, type BackendChoice, type DatasetEntry, type PrepareSettings, type ReportProgress, type SplitSettings } from '../dataset/entry.ts'
import { assembleDataset } from '../decode/raw-dataset.ts'
import { prepare } from './prepare.ts'
import { splitDataset } from './split.ts'
import { preparedDataset, type DatasetToServe, type Identity } from '../dataset/prepared.ts'

export interface PipelineOptions {
  readonly dataFolder: string
  readonly sources: SourceSettings
  readonly split: SplitSettings
  readonly prepare: PrepareSettings
  readonly backend: BackendChoice
  readonly signal: AbortSignal
  readonly report: ReportProgress
  readonly log: { info (details: object, message: string): void, warn (details: object, message: string): void }
}

/** From a catalogue entry to a dataset that can be served: acquire → decode → split → prepare → store. */
export async function makeDataset (identity: Identity, options: PipelineOptions): Promise<DatasetToServe> {
  const { entry, settings } = identity
  const { dataFolder, backend, signal, report, log } = options
  const dataset = entry.name

  const acquiring = performance.now()
  const { files, provenance } = await acquireFiles(entry, options)
  const raw = assembleDataset(files, entry.classes.length, entry.adjustments)
  const splits = splitDataset(raw, settings.split)
  log.info({ dataset, sources: [...new Set(provenance.map(({ source }) => source))], ms: since(acquiring) }, 'acquired')

  const preparing = performance.now()
  const { rows, columns } = raw
  const job = { settings: settings.prepare, backend, rows, columns, classes: entry.classes.length }
  const prepared = await prepare(job, splits, { scratchFolders: [dataFolder, tmpdir()], signal, report })
  log.info({ dataset, backend: prepared.backend.name, skipped: prepared.backend.skipped, ms: since(preparing) }, 'prepared')

  return preparedDataset(identity, { ...prepared, rows, columns, backend: prepared.backend.name, files: provenance }, {
    meanImage: prepared.meanImage,
    levels: prepared.levels,
    splits: perSplit(name => ({ images: prepared.images[name], centered: prepared.centered[name], labels: splits[name].labels, onehot: prepared.onehot[name] }))
  })
}

async function acquireFiles (entry: DatasetEntry, options: PipelineOptions): Promise<AcquiredDataset> {
  const { dataFolder, signal, report, log } = options
  const warn = (message: string): void => log.warn({ dataset: entry.name }, message)
  const cache = new FileCache(dataFolder)
  const sources = resolveSources(entry, options.sources, { cache, warn })
  try {
    return await acquire(entry, { cache, sources, signal, report, warn })
  } finally {
    await closeSources(sources)
  }
}

function since (started: number): number {
  return Math.round(performance.now() - started)
}
