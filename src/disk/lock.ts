import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { ensureFolder } from './atomic-write.ts'

/** Milliseconds between two attempts to take a lock that is held elsewhere. */
const POLL_MS = 50

export interface LockOptions {
  readonly signal: AbortSignal
  /** Called once if the lock is held elsewhere. */
  readonly waiting?: () => void
  /** Called with the reason if the lock cannot be taken; the work is then done without one. */
  readonly warn: (message: string) => void
  /** Tries to lock an open file; that of fs-native-extensions by default. */
  readonly tryLock?: (fd: number) => boolean
}

interface Lock {
  readonly handle: FileHandle
  readonly tryLock: (fd: number) => boolean
}

/**
 * Runs `work` while holding an exclusive lock on the file at `path`, against other callers in this process and all
 * other processes on the same file system. The operating system releases the lock when the holder closes the file or
 * ends, even if it is killed; the empty file stays.
 *
 * A folder that cannot be written cannot be locked, and some file systems have no locks. The work then runs unlocked:
 * at worst, several processes do it, since files appear only when they are complete.
 */
export async function withLock<T> (
  path: string,
  { signal, waiting, warn, tryLock }: LockOptions,
  work: () => Promise<T>
): Promise<T> {
  const warnUnlocked = (error: unknown): void => warn(`running without a lock: ${messageOf(error)}`)
  const lock = await openLock(path, tryLock).catch(warnUnlocked)
  if (!lock) return await work()
  try {
    await acquireLock(lock, signal, waiting).catch(error => {
      signal.throwIfAborted()
      warnUnlocked(error)
    })
    return await work()
  } finally {
    await lock.handle.close().catch(() => {})
  }
}

async function openLock (path: string, tryLock: LockOptions['tryLock']): Promise<Lock> {
  // Imported dynamically: a platform without its native binary runs without locks.
  tryLock ??= (await import('fs-native-extensions')).default.tryLock
  await ensureFolder(dirname(path))
  return { handle: await open(path, 'a+'), tryLock }
}

async function acquireLock (
  { handle: { fd }, tryLock }: Lock,
  signal: AbortSignal,
  waiting: LockOptions['waiting']
): Promise<void> {
  signal.throwIfAborted()
  if (tryLock(fd)) return
  waiting?.()
  do {
    await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  } while (!tryLock(fd))
}
