import { acquire, type AcquiredDataset } from '../acquire/acquire.ts'
import { FileCache } from '../acquire/cache.ts'
import { resolveSources, type SourceSettings } from '../acquire/resolve-sources.ts'
import { closeSources } from '../acquire/source.ts'
import type { DatasetEntry } from '../dataset/entry.ts'
import { createPreparedDataset, type DatasetIdentity, type PreparedDataset } from '../dataset/prepared.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { perSplit } from '../dataset/sample-splits.ts'
import type { BackendChoice, PrepareSettings, SplitSettings } from '../dataset/settings.ts'
import { formatOf } from '../decode/decoders.ts'
import { discard } from '../memory/bytes.ts'
import { startPrepareProcess, type Preparer } from '../prepare/prepare.ts'
import { splitDataset } from '../prepare/split.ts'

export interface PipelineOptions {
  readonly dataFolder: string
  readonly sources: SourceSettings
  readonly split: SplitSettings
  readonly prepare: PrepareSettings
  readonly backend: BackendChoice
  readonly signal: AbortSignal
  readonly report: ReportProgress
  /** Starts a child process by default. */
  readonly startPreparer?: (signal: AbortSignal) => Preparer
  readonly log: { info (details: object, message: string): void, warn (details: object, message: string): void }
}

/** Runs the stages from a declaration to a dataset that can be served: acquire, decode, split, prepare. */
export async function runPipeline (identity: DatasetIdentity, options: PipelineOptions): Promise<PreparedDataset> {
  const { entry, settings } = identity
  const { backend, signal, report, log, startPreparer = startPrepareProcess } = options
  const dataset = entry.name

  // Before there are images: starting a process blocks this one for longer the more memory it uses.
  const preparer = startPreparer(signal)
  try {
    const acquiring = performance.now()
    const { shape, splits, provenance } = await acquireSplits(identity, options)
    const sources = [...new Set(provenance.map(({ source }) => source))]
    log.info({ dataset, sources, ms: millisecondsSince(acquiring) }, 'acquired')

    const preparing = performance.now()
    const job = { settings: settings.prepare, backend, shape }
    const { images, ...fit } = await preparer.prepare(job, splits, report)
    const { name: chosen, skipped } = fit.backend
    const facts = { ...fit, shape, backend: chosen, files: provenance }
    const arrays = { ...fit, splits: perSplit(name => ({ images: images[name], labels: splits[name].labels })) }
    const prepared = createPreparedDataset(identity, facts, arrays)
    log.info({ dataset, backend: chosen, skipped, ms: millisecondsSince(preparing) }, 'prepared')
    return prepared
  } finally {
    await preparer.stop()
  }
}

async function acquireSplits ({ entry, settings }: DatasetIdentity, options: PipelineOptions) {
  const { files, provenance, close } = await acquireFiles(entry, options)
  const raw = await formatOf(entry).decode(files, entry).finally(close)
  const splits = await splitDataset(raw, settings.split)
  for (const samples of [raw.train, raw.val, raw.test]) if (samples) discard(samples.images)
  return { shape: raw.shape, provenance, splits }
}

async function acquireFiles (entry: DatasetEntry, options: PipelineOptions): Promise<AcquiredDataset> {
  const { dataFolder, signal, report, log } = options
  const warn = (message: string): void => log.warn({ dataset: entry.name }, message)
  const cache = new FileCache(dataFolder, warn)
  const sources = resolveSources(entry, options.sources, { cache, warn })
  try {
    return await acquire(entry, { cache, sources, signal, report, warn })
  } finally {
    await closeSources(sources)
  }
}

function millisecondsSince (started: number): number {
  return Math.round(performance.now() - started)
}
