import { tmpdir } from 'node:os'
import { acquire } from './acquire/acquire.ts'
import { FileCache } from './acquire/cache.ts'
import { EmbeddedPackage } from './acquire/embedded.ts'
import { Mirror } from './acquire/mirror.ts'
import type { Source } from './acquire/source.ts'
import { perSplit, type BackendChoice, type DatasetEntry, type PrepareSettings, type PreparedDataset, type ReportProgress, type SplitSettings } from './dataset.ts'
import { assemble } from './decode/dataset.ts'
import { verifyFile } from './decode/file.ts'
import { prepare } from './prepare/prepare.ts'
import { versionOf } from './prepare/version.ts'
import { splitDataset } from './split/partition.ts'
import { codebooks, preparedSplit } from './store/split.ts'

export interface PipelineOptions {
  readonly dataFolder: string
  readonly split: SplitSettings
  readonly prepare: PrepareSettings
  readonly backend: BackendChoice
  readonly signal: AbortSignal
  readonly report: ReportProgress
  readonly log: { info (details: object, message: string): void, warn (details: object, message: string): void }
}

/** From a catalogue entry to a dataset that can be served: acquire → decode → split → prepare → store. */
export async function loadDataset (entry: DatasetEntry, options: PipelineOptions): Promise<PreparedDataset> {
  const { signal, report, log } = options
  const dataset = entry.name
  const started = performance.now()

  const { files, provenance } = await acquire(entry, {
    cache: new FileCache(options.dataFolder),
    sources: sourcesOf(entry),
    verify: verifyFile,
    signal,
    report,
    warn: message => log.warn({ dataset }, message)
  })
  const raw = assemble(files, entry.classes.length)
  const splits = splitDataset(raw, options.split)
  log.info({ dataset, sources: [...new Set(provenance.map(({ source }) => source))], ms: since(started) }, 'acquired')

  const preparing = performance.now()
  const { rows, columns } = raw
  const job = { settings: options.prepare, backend: options.backend, rows, columns, classes: entry.classes.length }
  const prepared = await prepare(job, splits, { scratchFolders: [options.dataFolder, tmpdir()], signal, report })
  log.info({ dataset, backend: prepared.backend.name, skipped: prepared.backend.skipped, ms: since(preparing) }, 'prepared')

  return {
    entry,
    version: versionOf(entry, options.split, options.prepare),
    rows,
    columns,
    settings: { split: options.split, prepare: options.prepare },
    backend: prepared.backend.name,
    files: provenance,
    meanImage: prepared.meanImage,
    meanCount: prepared.meanCount,
    standard: prepared.standard,
    levels: prepared.levels,
    codebooks: codebooks(rows * columns),
    splits: perSplit(name => preparedSplit({
      images: prepared.images[name],
      centered: prepared.centered[name],
      labels: splits[name].labels,
      onehot: prepared.onehot[name],
      pixels: prepared.pixels[name],
      classes: entry.classes.length
    }))
  }
}

function sourcesOf (entry: DatasetEntry): Source[] {
  const embedded = entry.embedded ? [new EmbeddedPackage(entry.embedded)] : []
  return [...embedded, ...entry.mirrors.map(base => new Mirror(base))]
}

function since (started: number): number {
  return Math.round(performance.now() - started)
}
