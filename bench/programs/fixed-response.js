/**
 * The least that Node.js can do for a response: one buffer of the given length, sent for every request without reading
 * more of it than its end. Prints its address.
 */
import { createServer } from 'node:net'

const body = Buffer.alloc(Number(process.argv[2]), 1)
const head = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`)

const server = createServer(socket => {
  socket.on('data', data => {
    if (!data.includes('\r\n\r\n')) return
    socket.cork()
    socket.write(head)
    socket.write(body)
    socket.uncork()
  }).on('error', () => {})
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
process.once('SIGTERM', () => process.exit())
