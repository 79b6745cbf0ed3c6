/** Longest turns of the event loop of a service. */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const preload = fileURLToPath(new URL('event-loop-delay.js', import.meta.url))

/** Options that start a service whose turns can be read. */
export const observeEventLoop = { nodeOptions: ['--import', preload], ipc: true }

/** Milliseconds of the longest turn since the last call, of the `child` process of a service. */
export async function longestTurn (child) {
  return (await longestTurns(child)).wallMs
}

/** The same by the clock as `wallMs` and by processor time as `processorMs`, which need not be the same turn. */
export async function longestTurns (child) {
  child.send('longest turns')
  const [turns] = await once(child, 'message')
  return turns
}
