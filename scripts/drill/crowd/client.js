/** A keep-alive client on a raw connection, which reads bodies of any size without holding them. */
import { connect } from 'node:net'
import { request } from 'undici'

export const batches = '/v1/datasets/mnist/splits/train/batches'

/**
 * One GET request by HTTP/1.1 on its own connection.
 *
 * @param onData receives the chunks of the body, still encoded
 * @returns status and headers
 * @throws if the connection ends before the body does
 */
export async function get (url, { headers = {}, dispatcher, onData = () => {} } = {}) {
  const response = await request(url, { headers, dispatcher, headersTimeout: 600_000, bodyTimeout: 600_000 })
  for await (const chunk of response.body) onData(chunk)
  return { status: response.statusCode, headers: response.headers }
}

/** An open connection to the server at `base`. */
export async function open (base) {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket
}
