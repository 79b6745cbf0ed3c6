import { join } from 'node:path'
import type { DatasetEntry, SourceName } from '../dataset/entry.ts'
import { Archive } from './archive.ts'
import type { FileCache } from './cache.ts'
import { EmbeddedPackage } from './embedded.ts'
import { Folder } from './folder.ts'
import { Mirror } from './mirror.ts'
import { OpenML, type StartTable } from './openml.ts'
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

/** What sources work with. */
export interface SourceTools {
  readonly cache: FileCache
  readonly startTable: StartTable
  readonly warn: (message: string) => void
}

/** The places that a dataset's files may come from, in order. */
export function sourcesOf (entry: DatasetEntry, settings: SourceSettings, { cache, startTable, warn }: SourceTools): Source[] {
  const { order, folder, offline, mirrors, openmlUrl } = settings
  const { openml } = entry
  const web = offline ? undefined : new Web()
  const { archive } = entry
  const archiveName = archive?.url.slice(archive.url.lastIndexOf('/') + 1)
  const kinds: Readonly<Record<SourceName, () => Source[]>> = {
    folder: () => folder === undefined
      ? []
      : [
          new Folder(join(folder, entry.name)),
          // The folder of the family, which has one archive, is as good as the dataset's own.
          ...archive ? [new Archive(archive, { cache, paths: [entry.name, entry.name.split('-')[0]!].map(name => join(folder, name, archiveName!)), web: undefined, warn })] : []
        ],
    embedded: () => entry.embedded ? [new EmbeddedPackage(entry.embedded)] : [],
    mirrors: () => [
      ...web ? [...mirrors.map(base => base.replaceAll('{dataset}', entry.name)), ...entry.mirrors].map(base => new Mirror(base, web)) : [],
      ...archive ? [new Archive(archive, { cache, paths: [], web, warn })] : []
    ],
    openml: () => openml && web ? [new OpenML({ ...entry, openml }, openmlUrl, web, startTable)] : []
  }
  return order.flatMap(kind => kinds[kind]())
}
