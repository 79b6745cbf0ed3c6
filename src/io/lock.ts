import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { ensureFolder } from './folder.ts'

/** Between two looks at a lock that somebody else holds. */
const POLL_MS = 50

export interface LockOptions {
  readonly signal: AbortSignal
  /** Told once, where somebody else holds the lock. */
  readonly waiting?: () => void
  /** Told why, where nothing can be locked: the work is then done all the same. */
  readonly warn: (message: string) => void
}

/**
 * Does a piece of work while nobody else does it, in this process or any other on the same file system. It is the
 * operating system that holds the lock on the file, and lets go of it when its holder ends, however that ends: the file
 * itself stays, and means nothing.
 *
 * A folder that cannot be written cannot be locked either. Then there is nothing that two could spoil for one another.
 */
export async function exclusively<T> (path: string, { signal, waiting, warn }: LockOptions, work: () => Promise<T>): Promise<T> {
  const lock = await openLock(path).catch((error: Error) => { warn(`nothing is locked: ${messageOf(error)}`) })
  if (!lock) return await work()
  try {
    await hold(lock, signal, waiting)
    return await work()
  } finally {
    await lock.handle.close()
  }
}

interface Lock {
  readonly handle: FileHandle
  readonly tryLock: (fd: number) => boolean
}

async function openLock (path: string): Promise<Lock> {
  // Loaded here, since it has machine code: where it has none for this platform, that is one more reason for no lock.
  const { tryLock } = (await import('fs-native-extensions')).default
  await ensureFolder(dirname(path))
  return { handle: await open(path, 'a+'), tryLock }
}

async function hold ({ handle: { fd }, tryLock }: Lock, signal: AbortSignal, waiting: LockOptions['waiting']): Promise<void> {
  signal.throwIfAborted()
  if (tryLock(fd)) return
  waiting?.()
  do {
    await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  } while (!tryLock(fd))
}
