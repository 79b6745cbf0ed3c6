import { readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder, writeFileAtomic } from '../io/atomic-write.ts'
import { withLock, type LockOptions } from '../io/lock.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { DatasetToServe } from '../dataset/prepared.ts'
import { arraysOf, manifestOf, parseManifest, renderManifest, verifiedArrays, type Manifest } from './manifest.ts'

/** What was kept of a prepared dataset, found to be undamaged. */
export interface Kept {
  readonly manifest: Manifest
  readonly arrays: ReadonlyMap<string, Uint8Array>
}

/** What a killed process left of a write is nobody's after this: no write takes as long. */
const ABANDONED_MS = 3_600_000

/**
 * A folder of prepared datasets, so that one which was prepared before is loaded without TensorFlow.js.
 *
 *     prepared/<version>.bin     the arrays back to back, see manifest.ts
 *     prepared/<version>.json    what they are and their hashes; written last, so what has one is whole
 *     corrupt/                   what was found to be damaged
 *     locks/<version>            empty; locked by whoever prepares that version
 */
export class PreparedCache {
  readonly #root: string
  readonly #folder: string
  readonly #limit: number

  /** @param limit versions that are kept; the one not used for longest is removed first */
  constructor (dataFolder: string, limit = 0) {
    this.#root = dataFolder
    this.#folder = join(dataFolder, 'prepared')
    this.#limit = limit
  }

  /**
   * What is kept of a version; undefined where nothing is.
   *
   * @throws ServiceError prepared_unusable: it is damaged, or cannot be read
   */
  async read (version: string, classes: number): Promise<Kept | undefined> {
    const [manifestPath, dataPath] = this.#paths(version)
    try {
      const manifest = parseManifest(await readFile(manifestPath, 'utf8'), version, classes)
      const arrays = verifiedArrays(manifest, await readFile(dataPath))
      const now = new Date()
      await utimes(manifestPath, now, now).catch(() => {})
      return { manifest, arrays }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw cause instanceof ServiceError ? cause : new ServiceError('prepared_unusable', messageOf(cause), { cause })
    }
  }

  /**
   * Keeps a prepared dataset, and removes those beyond the limit.
   *
   * @throws ServiceError cache_unwritable; nothing is left behind
   */
  async write (dataset: DatasetToServe): Promise<void> {
    if (this.#limit === 0) return
    const [manifestPath, dataPath] = this.#paths(dataset.version)
    try {
      await writeFileAtomic(dataPath, async handle => {
        for (const [, array] of arraysOf(dataset)) await handle.writeFile(array)
      })
      await writeFileAtomic(manifestPath, handle => handle.writeFile(renderManifest(manifestOf(dataset))))
      await this.#prune()
    } catch (cause) {
      throw new ServiceError('cache_unwritable', `prepared ${dataset.entry.name} cannot be kept: ${messageOf(cause)}`, { cause })
    }
  }

  /** Puts what was found to be damaged where it is not read again. */
  async setAside (version: string): Promise<void> {
    const corrupt = join(this.#root, 'corrupt')
    await ensureFolder(corrupt)
    for (const path of this.#paths(version)) {
      await rename(path, join(corrupt, path.slice(this.#folder.length + 1))).catch(ignoreMissing)
    }
  }

  /** Does what makes a version while nobody else makes it, in this process or another that has the same folder. */
  async exclusively<T> (version: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
    return await withLock(join(this.#root, 'locks', version), options, work)
  }

  async #prune (): Promise<void> {
    const names = await readdir(this.#folder)
    const files = await Promise.all(names.map(async name => ({ name, used: await lastUse(join(this.#folder, name)) })))
    const manifests = files.filter(({ name }) => name.endsWith('.json')).sort((a, b) => b.used - a.used).map(({ name }) => name.slice(0, -'.json'.length))
    for (const version of manifests.slice(this.#limit)) {
      // The manifest first: data without one is nothing.
      for (const path of this.#paths(version)) await rm(path, { force: true })
    }
    const abandoned = files.filter(({ name, used }) => !manifests.includes(name.replace(/\.(json|bin)$/, '')) && Date.now() - used > ABANDONED_MS)
    for (const { name } of abandoned) await rm(join(this.#folder, name), { force: true })
  }

  #paths (version: string): [manifest: string, data: string] {
    return [join(this.#folder, `${version}.json`), join(this.#folder, `${version}.bin`)]
  }
}

/** When a file was written, or a manifest read; the beginning of time for one that somebody else removed meanwhile. */
async function lastUse (path: string): Promise<number> {
  return await stat(path).then(({ mtimeMs }) => mtimeMs, () => 0)
}

function ignoreMissing (error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
