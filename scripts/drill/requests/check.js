/** Sends a raw request on a connection of its own and checks what comes back. */
import { connect } from 'node:net'

/** Far longer than any of the requests takes. */
const HANG_MS = 30_000

/** @returns the status, or undefined if the server closed the connection without a response; or throws what is wrong */
export async function check (port, { bytes, isHead, isCut }) {
  let response = await exchange(port, bytes)
  // Interim responses come before the final one.
  while (response.subarray(0, 12).equals(INTERIM)) response = response.subarray(response.indexOf('\r\n\r\n') + 4)
  // The response to a request without an end is cut off where that end is missed.
  return response.length === 0 ? undefined : checkFinal(response, isHead, isCut)
}

const INTERIM = Buffer.from('HTTP/1.1 100')

function checkFinal (response, isHead, isCut) {
  const end = response.indexOf('\r\n\r\n')
  const [line, ...lines] = response.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1])
  if (!status) throw new Error(`not a response: ${line.slice(0, 100)}`)
  const headers = new Map(lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  }))
  const length = headers.get('content-length')
  // What follows a request may be parsed as another one, and gets a response of its own.
  const body = response.subarray(end + 4, length === undefined ? undefined : end + 4 + Number(length))
  if (status >= 500 && !(status === 503 && headers.has('retry-after')) && status !== 505) {
    throw new Error(`server error: ${line}: ${body.subarray(0, 300)}`)
  }
  if (length !== undefined && !isHead && !isCut && status !== 304 && Number(length) !== body.length) {
    throw new Error(`${body.length} of ${length} bytes`)
  }
  if (headers.get('transfer-encoding') === 'chunked' && !isHead && !isCut && !body.includes('\r\n0\r\n\r\n')) {
    throw new Error(`chunked body without an end (${line})`)
  }
  if (status === 401 && !headers.get('www-authenticate')?.startsWith('Bearer ')) {
    throw new Error('401 without a challenge')
  }
  if (status === 429 && !headers.has('retry-after')) throw new Error('429 without Retry-After')
  if (status >= 400 && !isHead) checkProblem(status, headers, body)
  return status
}

function checkProblem (status, headers, body) {
  if (!headers.get('content-type')?.startsWith('application/problem+json')) {
    throw new Error(`${status} without a problem document: ${headers.get('content-type')}: ${body.subarray(0, 200)}`)
  }
  const problem = JSON.parse(body)
  for (const key of ['type', 'title', 'status', 'detail', 'code']) {
    if (problem[key] === undefined) throw new Error(`a problem document without ${key}: ${body.subarray(0, 300)}`)
  }
  if (problem.status !== status) throw new Error(`status ${problem.status} in the document of a ${status}`)
  if (body.length > 16_384) throw new Error(`a problem document of ${body.length} bytes`)
}

function exchange (port, bytes) {
  return new Promise((resolve, reject) => {
    const chunks = []
    const socket = connect({ port, host: '127.0.0.1' })
    socket.setTimeout(HANG_MS, () => {
      socket.destroy()
      reject(new Error(`no end after ${HANG_MS / 1000} s`))
    })
    socket.on('data', chunk => chunks.push(chunk))
    socket.once('close', () => resolve(Buffer.concat(chunks)))
    // A server that rejects a request may close before it has read all of it.
    socket.on('error', () => {})
    socket.once('connect', () => socket.end(bytes))
  })
}
