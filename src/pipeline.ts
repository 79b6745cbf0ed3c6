import { tmpdir } from 'node:os'
import { acquire } from './acquire/acquire.ts'
import { FileCache } from './acquire/cache.ts'
import { sourcesOf, type SourceSettings } from './acquire/sources.ts'
import { perSplit, type BackendChoice, type PrepareSettings, type PreparedDataset, type ReportProgress, type SplitSettings } from './dataset.ts'
import { ArffTable } from './decode/arff.ts'
import { assemble } from './decode/dataset.ts'
import { verifyFile } from './decode/file.ts'
import { prepare } from './prepare/prepare.ts'
import { splitDataset } from './split/partition.ts'
import { preparedDataset, type Identity } from './store/dataset.ts'

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
export async function makeDataset (identity: Identity, options: PipelineOptions): Promise<PreparedDataset> {
  const { entry, settings } = identity
  const { dataFolder, backend, signal, report, log } = options
  const dataset = entry.name

  const acquiring = performance.now()
  const cache = new FileCache(dataFolder)
  const warn = (message: string): void => log.warn({ dataset }, message)
  const sources = sourcesOf(entry, options.sources, { cache, startTable: shape => new ArffTable(shape), warn })
  const { files, provenance } = await acquire(entry, { cache, sources, verify: verifyFile, signal, report, warn })
    .finally(async () => { for (const source of sources) await source.close?.() })
  const raw = assemble(files, entry.classes.length, entry.adjustments)
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

function since (started: number): number {
  return Math.round(performance.now() - started)
}
