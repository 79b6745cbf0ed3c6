import { join } from 'node:path'
import type { DatasetEntry } from '../dataset/entry.ts'
import type { SourceName } from '../dataset/settings.ts'
import { Archive } from './archive.ts'
import type { FileCache } from './cache.ts'
import { ConvertedSource } from './converted-source.ts'
import { HttpClient, defaultRetryPolicy } from './http-client.ts'
import { EmbeddedPackage, Folder } from './local.ts'
import { Mirror } from './mirror.ts'
import { OpenML } from './openml.ts'
import type { Proxies } from './proxies.ts'
import type { Source } from './source.ts'

export interface SourceSettings {
  /** Kinds of sources, in the order they are tried. */
  readonly order: readonly SourceName[]
  /** Folder with one subfolder per dataset. */
  readonly folder: string | undefined
  readonly openmlUrl: string
  /** Whether the network must not be used. */
  readonly offline: boolean
  /** Base URLs tried before those of the catalogue; `{dataset}` stands for the dataset's name. */
  readonly mirrors: readonly string[]
  readonly proxies?: Proxies
}

export interface SourceContext {
  readonly cache: FileCache
  readonly warn: (message: string) => void
}

/** Lists the sources of a dataset in the order they are tried. None is contacted before its first read. */
export function resolveSources (
  entry: DatasetEntry,
  settings: SourceSettings,
  { cache, warn }: SourceContext
): Source[] {
  const { name, archive, embedded, openml } = entry
  const { order, folder, offline, openmlUrl } = settings
  const http = offline ? undefined : new HttpClient(defaultRetryPolicy, settings.proxies)

  const sources: Readonly<Record<SourceName, () => Source[]>> = {
    folder () {
      if (folder === undefined) return []
      const own = new Folder(join(folder, name))
      if (!archive) return [own]
      // The datasets of a family share one archive, which may be in the folder of the family.
      const family = name.split('-')[0]!
      const fileName = archive.url.slice(archive.url.lastIndexOf('/') + 1)
      const paths = [name, family].map(subfolder => join(folder, subfolder, fileName))
      return [own, new Archive(archive, { cache, paths, http: undefined, warn })]
    },
    embedded: () => embedded ? [new EmbeddedPackage(embedded)] : [],
    mirrors: () => [
      ...http ? resolveMirrors(http) : [],
      ...archive ? [new Archive(archive, { cache, paths: [], http, warn })] : []
    ],
    openml () {
      if (!openml || !http) return []
      const table = new OpenML(openml, { address: openmlUrl, http, cache, warn })
      return [new ConvertedSource(entry, { ...entry, format: 'arff', layout: openml.layout }, table)]
    }
  }
  return order.flatMap(kind => sources[kind]())

  function resolveMirrors (http: HttpClient): Mirror[] {
    // Those that an operator configures may be private, so their addresses are not named.
    const own = settings.mirrors.map((address, i) => {
      return new Mirror(address.replaceAll('{dataset}', name), http, `mirror ${i + 1} of MIRRORS`)
    })
    return [...own, ...entry.mirrors.map(address => new Mirror(address, http))]
  }
}
