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
