import { open, readFile, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { PreparedDataset, DatasetArrays } from '../dataset/prepared.ts'
import { writeFileAtomic } from '../disk/atomic-write.ts'
import { withLock, type LockOptions } from '../disk/lock.ts'
import { quarantine } from '../disk/quarantine.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { allocateRows } from '../memory/row-memory.ts'
import { createManifest, listArrays, parseArrays, parseManifest, renderManifest, type Manifest } from './manifest.ts'

/** A prepared dataset on disk: the arrays that only preparation can compute, and their manifest. */
export interface Artifact {
  readonly manifest: Manifest
  readonly arrays: DatasetArrays
}

/** Files without a manifest are removed after this time, since no write takes as long. */
const ABANDONED_MS = 3_600_000

/**
 * The folder of artifacts, from which a dataset is restored without preparing it again.
 *
 *     prepared/<version>.bin     the arrays, see manifest.ts
 *     prepared/<version>.json    the manifest; written last, so its presence means that the artifact is complete
 *     prepared/<version>.map     where its samples lie, if that was requested; see map/map-source.ts
 *     corrupt/                   quarantined artifacts
 *     locks/<version>            empty; locked while that version is being prepared
 */
export class ArtifactStore {
  readonly #root: string
  readonly #folder: string
  readonly #limit: number
  readonly #warn: (message: string) => void

  /**
   * @param limit number of artifacts to keep; the least recently used are removed first
   * @param warn called for what restricts a write, but does not prevent it
   */
  constructor (dataFolder: string, limit = 0, warn: (message: string) => void = () => {}) {
    this.#root = dataFolder
    this.#folder = join(dataFolder, 'prepared')
    this.#limit = limit
    this.#warn = warn
  }

  /**
   * Reads and verifies an artifact; undefined if there is none. Yields to the event loop between time slices.
   *
   * @throws ServiceError artifact_unusable: it is damaged or cannot be read
   */
  async read (version: string, classes: number): Promise<Artifact | undefined> {
    const paths = this.#paths(version)
    const text = await unlessMissing(readFile(paths.manifest, 'utf8'))
    if (text === undefined) return undefined
    const manifest = parseManifest(text, version, classes)
    const data = await unlessMissing(readShared(paths.data))
    if (data === undefined) return undefined
    const arrays = await parseArrays(manifest, data)
    const now = new Date()
    await utimes(paths.manifest, now, now).catch(() => {})
    return { manifest, arrays }
  }

  /**
   * Writes an artifact and removes those beyond the limit; does nothing if the limit is 0.
   *
   * @throws ServiceError cache_unwritable; no partial file stays behind
   */
  async write (dataset: PreparedDataset): Promise<void> {
    if (this.#limit === 0) return
    const paths = this.#paths(dataset.version)
    try {
      await writeFileAtomic(paths.data, async handle => {
        for (const [, bytes] of listArrays(dataset)) await handle.writeFile(bytes)
      }, this.#warn)
      const manifest = renderManifest(await createManifest(dataset))
      await writeFileAtomic(paths.manifest, handle => handle.writeFile(manifest), this.#warn)
    } catch (cause) {
      const reason = `the artifact of ${dataset.entry.name} cannot be written: ${messageOf(cause)}`
      throw new ServiceError('cache_unwritable', reason, { cause })
    }
    await this.#prune().catch(error => this.#warn(`old artifacts cannot be removed: ${messageOf(error)}`))
  }

  /** Moves an unusable artifact to the folder `corrupt`, for inspection. */
  async quarantine (version: string): Promise<void> {
    const { manifest, data } = this.#paths(version)
    for (const path of [manifest, data]) await this.#quarantine(path)
  }

  /** The file of a version's map; undefined if there is none. */
  async readMap (version: string): Promise<Uint8Array | undefined> {
    return await unlessMissing(readFile(this.#paths(version).map))
  }

  /**
   * Writes the map of a version; does nothing if the limit is 0.
   *
   * @throws ServiceError cache_unwritable; no partial file stays behind
   */
  async writeMap (version: string, file: Uint8Array): Promise<void> {
    if (this.#limit === 0) return
    try {
      await writeFileAtomic(this.#paths(version).map, handle => handle.writeFile(file), this.#warn)
    } catch (cause) {
      const reason = `the map of version ${version} cannot be written: ${messageOf(cause)}`
      throw new ServiceError('cache_unwritable', reason, { cause })
    }
  }

  /** Moves an unusable map to the folder `corrupt`, for inspection. */
  async quarantineMap (version: string): Promise<void> {
    await this.#quarantine(this.#paths(version).map)
  }

  /** Holds the lock of a version while `work` runs: excludes other processes that share the folder, and this one. */
  async withLock<T> (version: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
    return await withLock(join(this.#root, 'locks', version), options, work)
  }

  async #quarantine (path: string): Promise<void> {
    await unlessMissing(quarantine(this.#root, path))
  }

  async #prune (): Promise<void> {
    const names = await readdir(this.#folder)
    const files = await Promise.all(names.map(async name => ({ name, used: await lastUse(join(this.#folder, name)) })))
    const versions = files
      .filter(({ name }) => name.endsWith('.json'))
      .sort((a, b) => b.used - a.used)
      .map(({ name }) => name.slice(0, -'.json'.length))
    for (const version of versions.slice(this.#limit)) {
      const { manifest, data, map } = this.#paths(version)
      // Manifest first: without one, the data counts as incomplete.
      for (const path of [manifest, data, map]) await rm(path, { force: true })
    }
    for (const { name, used } of files) {
      const abandoned = !versions.includes(name.replace(/\.(json|bin|map)$/, '')) && Date.now() - used > ABANDONED_MS
      if (abandoned) await rm(join(this.#folder, name), { force: true })
    }
  }

  #paths (version: string): { manifest: string, data: string, map: string } {
    const path = join(this.#folder, version)
    return { manifest: `${path}.json`, data: `${path}.bin`, map: `${path}.map` }
  }
}

/** The content of a file, in memory that threads share. */
async function readShared (path: string): Promise<Uint8Array> {
  const handle = await open(path)
  try {
    const bytes = allocateRows((await handle.stat()).size)
    let length = 0
    for (let bytesRead = -1; bytesRead !== 0; length += bytesRead) {
      ({ bytesRead } = await handle.read(bytes, length, bytes.length - length))
    }
    return bytes.subarray(0, length)
  } finally {
    await handle.close()
  }
}

/** Undefined instead of ENOENT; other errors become ServiceError artifact_unusable. */
async function unlessMissing<T> (access: Promise<T>): Promise<T | undefined> {
  try {
    return await access
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ServiceError('artifact_unusable', messageOf(cause), { cause })
  }
}

/** When a file was written or a manifest read; 0 for a file that another process has just removed. */
async function lastUse (path: string): Promise<number> {
  return await stat(path).then(({ mtimeMs }) => mtimeMs, () => 0)
}
