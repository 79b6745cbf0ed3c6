import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/** Nice value: a thread with 0 gets about three times the processor time of one with 5, if both want it. */
const NICE = 5

/** Lets other threads go before the calling one. Has no effect where the system has no priorities of threads. */
export function lowerThreadPriority (): void {
  try {
    // On Linux, a thread has an id of its own, and setpriority(2) concerns only that thread.
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), NICE)
  } catch {
    // Not Linux, or not allowed: everything works as well, only less evenly.
  }
}
