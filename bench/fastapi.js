/** The FastAPI server beside ours: one process of uvicorn on uvloop. */
import { fileURLToPath } from 'node:url'
import { idxFolder } from './idx.js'
import { startPeer } from './peer.js'
import { freePort } from './port.js'

const program = fileURLToPath(new URL('fastapi_server.py', import.meta.url))

export async function startFastapi () {
  const port = await freePort()
  return await startPeer(port, 'python3', [program, idxFolder, String(port)])
}
