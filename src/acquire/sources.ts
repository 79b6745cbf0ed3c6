import type { DatasetEntry, SourceName } from '../dataset.ts'
import { EmbeddedPackage } from './embedded.ts'
import { Mirror } from './mirror.ts'
import type { Source } from './source.ts'
import { Web } from './web.ts'

export interface SourceSettings {
  /** Kinds of sources in the order in which they are tried. */
  readonly order: readonly SourceName[]
  /** Has datasets as folders. */
  readonly folder: string | undefined
  readonly openmlUrl: string
  /** Whether nothing may be asked of a network. */
  readonly offline: boolean
  /** Base addresses that are tried before those of the catalogue; `{dataset}` in one stands for the dataset's name. */
  readonly mirrors: readonly string[]
}

/** The places that a dataset's files may come from, in order. */
export function sourcesOf (entry: DatasetEntry, { order, offline, mirrors }: SourceSettings): Source[] {
  const web = new Web()
  const kinds: Readonly<Record<SourceName, () => Source[]>> = {
    folder: () => [],
    embedded: () => entry.embedded ? [new EmbeddedPackage(entry.embedded)] : [],
    mirrors: () => [...mirrors.map(base => base.replaceAll('{dataset}', entry.name)), ...entry.mirrors].map(base => new Mirror(base, web)),
    openml: () => []
  }
  return order.flatMap(kind => kinds[kind]()).filter(({ remote }) => !(offline && remote))
}
