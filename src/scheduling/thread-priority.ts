import { readFileSync, readdirSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { getPriority, platform, setPriority } from 'node:os'

/**
 * Lets other threads go before the calling one. Has no effect where the system has no priorities of threads.
 *
 * @param nice a thread with 0 gets about three times the processor time of one with 5, if both want it, and 70 times
 *   that of one with 19
 */
export function lowerThreadPriority (nice: number): void {
  // On Linux, 0 is the calling thread; elsewhere, it would be the whole process.
  if (platform() !== 'linux') return
  try {
    setPriority(0, Math.max(nice, getPriority(0)))
  } catch {
    // Some containers do not permit it.
  }
}

/** Threads of this process. */
const TASKS = '/proc/self/task'

/**
 * Lets other threads go before those of libuv's pool, which compress. Has no effect where the system has no priorities
 * of threads, and before Node.js 22, whose threads have no names.
 */
export async function lowerPoolPriority (nice: number): Promise<void> {
  if (platform() !== 'linux') return
  try {
    // They start with the first work.
    await access(TASKS)
    for (const task of readdirSync(TASKS)) {
      if (!readFileSync(`${TASKS}/${task}/comm`, 'utf8').startsWith('libuv-worker')) continue
      setPriority(Number(task), Math.max(nice, getPriority(Number(task))))
    }
  } catch {
    // Some containers do not permit it.
  }
}
