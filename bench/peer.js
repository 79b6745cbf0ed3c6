/** Starts a server to compare with. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { listening } from './port.js'

/**
 * A server that was told to listen on this port.
 *
 * @returns its base address, and `stop`
 */
export async function startPeer (port, command, parameters) {
  const server = spawn(command, parameters, { stdio: ['ignore', 'inherit', 'inherit'] })
  const exit = once(server, 'exit')
  await listening(port, exit)
  return {
    base: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.kill('SIGTERM')
      await exit
    }
  }
}
