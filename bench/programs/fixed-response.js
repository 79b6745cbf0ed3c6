/**
 * The least that Node.js can do for a response: buffers of a given length, sent in turn for every request, of which no
 * more is read than its end; or with `http`, by Node's own server. Prints its address.
 *
 *     node fixed-response.js LENGTH BUFFERS [http]
 */
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'

const [length, count] = process.argv.slice(2, 4).map(Number)
const bodies = Array.from({ length: count }, () => Buffer.alloc(length, 1))
const head = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`)
let next = 0
const nextBody = () => bodies[next++ % count]

const server = process.argv[4] === 'http'
  ? createHttpServer((request, response) => {
    response.writeHead(200, { 'content-length': length })
    response.end(nextBody())
  })
  : createServer(socket => {
    socket.on('data', data => {
      if (!data.includes('\r\n\r\n')) return
      socket.cork()
      socket.write(head)
      socket.write(nextBody())
      socket.uncork()
    }).on('error', () => {})
  })
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
process.once('SIGTERM', () => process.exit())
