/** Ports for peers that cannot pick a free one and say which it is. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until somebody listens there; `exit` is when the process that should has ended. */
export async function listening (port, exit) {
  let ended = false
  exit.then(() => { ended = true })
  for (let tries = 0; tries < 600; tries++) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise(resolve => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)))
    socket.destroy()
    if (open) return
    if (ended) throw new Error(`ended before it listened on ${port}`)
    await delay(100)
  }
  throw new Error(`nobody listens on ${port}`)
}
