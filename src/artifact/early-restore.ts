import { startRestorer } from './restore.ts'

/** Imported before all that takes its time, so that the thread gets ready meanwhile. */
export const earlyRestore = startRestorer()
