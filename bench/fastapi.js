/** The FastAPI server beside ours: one process of uvicorn on uvloop. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { idxFolder } from './idx.js'
import { freePort, listening } from './port.js'

const program = fileURLToPath(new URL('fastapi_server.py', import.meta.url))

export async function startFastapi () {
  const port = await freePort()
  const server = spawn('python3', [program, idxFolder, String(port)], { stdio: ['ignore', 'inherit', 'inherit'] })
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
