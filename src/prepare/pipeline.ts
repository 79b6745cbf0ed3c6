import { tmpdir } from 'node:os'
import { acquire, type AcquireOptions } from '../acquire/acquire.ts'
import { FileCache } from '../acquire/cache.ts'
import type { BringOptions } from '../acquire/original.ts'
import { sourcesOf, type SourceSettings } from '../acquire/sources.ts'
import { perSplit, type BackendChoice, type DatasetEntry, type PrepareSettings, type ReportProgress, type SplitSettings } from '../dataset/entry.ts'
import { ArffTable } from '../decode/arff.ts'
import { assemble } from '../decode/dataset.ts'
import { verifyFile, type VerifiedFile } from '../decode/file.ts'
import { gzipInBackground } from '../gzip/background.ts'
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
  const { files, provenance } = await withSources(entry, options, tools => acquire(entry, { ...tools, report }))
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

/** The same files as they can be downloaded: brought again when they are asked for, from wherever they can be had then. */
export function bringOriginals<T> (entry: DatasetEntry, options: PipelineOptions, bring: (tools: BringOptions<VerifiedFile>) => Promise<T>): Promise<T> {
  // Who waits for one when the server stops has the time that every response has then.
  return withSources(entry, options, tools => bring({ ...tools, signal: new AbortController().signal, gzip: gzipInBackground }))
}

async function withSources<T> (entry: DatasetEntry, { dataFolder, sources: settings, signal, log }: PipelineOptions, work: (tools: Omit<AcquireOptions<VerifiedFile>, 'report'>) => Promise<T>): Promise<T> {
  const cache = new FileCache(dataFolder)
  const warn = (message: string): void => log.warn({ dataset: entry.name }, message)
  const sources = sourcesOf(entry, settings, { cache, startTable: shape => new ArffTable(shape), warn })
  try {
    return await work({ cache, sources, verify: verifyFile, signal, warn })
  } finally {
    for (const source of sources) await source.close?.()
  }
}

function since (started: number): number {
  return Math.round(performance.now() - started)
}
