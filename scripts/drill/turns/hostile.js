/** Requests that are small, rejected or both, and that hostile clients send to keep the server busy. */
import { connect } from 'node:net'

const split = '/v1/datasets/mnist/splits/train'
/** Node accepts 16 KiB of headers with the request line. */
const HEAD_BYTES = 15_500
/** The largest body that `gather` accepts with the default MAX_BATCH_SIZE. */
const BODY_BYTES = 1024 + 32 * 4096

function fill (bytes, piece, start = '', end = '') {
  return start + piece.repeat(Math.floor((bytes - start.length - end.length) / piece.length)) + end
}

function numbered (bytes, piece) {
  let text = ''
  for (let i = 0; ; i++) {
    const next = piece.replaceAll('#', i.toString(36))
    if (text.length + next.length > bytes) return text
    text += next
  }
}

const bodies = {
  'invalid ids': fill(BODY_BYTES, '"",', '{"ids":[', '""]}'),
  'null ids': fill(BODY_BYTES, 'null,', '{"ids":[', '1]}'),
  'too many valid ids': fill(BODY_BYTES, '1,', '{"ids":[', '1]}'),
  'as many invalid ids as are allowed': fill(4096 * 3, '"",', '{"ids":[', '""]}'),
  'unknown ids': fill(4096 * 8, '9999999,', '{"ids":[', '1]}'),
  'unknown members': `{${numbered(BODY_BYTES - 10, '"#":0,')}"ids":[1]}`,
  'repeated members': fill(BODY_BYTES, '"a":0,', '{', '"ids":[1]}'),
  'nested lists': '['.repeat(60_000) + ']'.repeat(60_000),
  'nested lists as ids': `{"ids":[${'['.repeat(60_000)}${']'.repeat(60_000)}]}`,
  'nested objects as ids': `{"ids":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`,
  'nested objects as an id': `{"ids":[${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}]}`,
  'a long text as ids': fill(BODY_BYTES, 'a', '{"ids":"', '"}'),
  'escapes as ids': fill(BODY_BYTES, '\\u0000', '{"ids":"', '"}'),
  'a long number': fill(BODY_BYTES, '9', '{"ids":[', ']}'),
  prototypes: fill(BODY_BYTES, '"__proto__":{"a":1},', '{', '"ids":[1]}'),
  'no JSON': fill(BODY_BYTES, '{')
}

const queries = {
  'unknown parameters': numbered(HEAD_BYTES, '#&'),
  'unknown parameters with values': numbered(HEAD_BYTES, '#=1&'),
  'one parameter, repeated': fill(HEAD_BYTES, 'page=1&'),
  'invalid augmentations': fill(HEAD_BYTES, 'rotate:1,', 'augment='),
  'unknown augmentations': fill(HEAD_BYTES, 'a:1,', 'augment='),
  'empty augmentations': fill(HEAD_BYTES, ',', 'augment='),
  'a long integer': fill(HEAD_BYTES, '9', 'page='),
  'percent-encoded': fill(HEAD_BYTES, '%41', 'version='),
  'ill-formed percents': fill(HEAD_BYTES, '%', 'version='),
  plus: fill(HEAD_BYTES, '+', 'version=')
}

const headers = {
  'X-Forwarded-For of proxies': fill(HEAD_BYTES, '127.0.0.1,', 'X-Forwarded-For: ', '127.0.0.1'),
  'X-Forwarded-For of IPv6': fill(HEAD_BYTES, '::ffff:7f00:1,', 'X-Forwarded-For: ', '127.0.0.1'),
  'Forwarded of proxies': fill(HEAD_BYTES, 'for=127.0.0.1,', 'Forwarded: ', 'for=127.0.0.1'),
  'Forwarded with quotes': fill(HEAD_BYTES, '\\"', 'Forwarded: for="'),
  'Forwarded with semicolons': fill(HEAD_BYTES, ';for="\\', 'Forwarded: '),
  'Forwarded with spaces': fill(HEAD_BYTES, ' ;', 'Forwarded: for=a'),
  Accept: fill(HEAD_BYTES, 'a/b,', 'Accept: '),
  'Accept with parameters': fill(HEAD_BYTES, 'a/b;c=",', 'Accept: '),
  'Accept with semicolons': fill(HEAD_BYTES, ';', 'Accept: a/b'),
  'Accept with commas': fill(HEAD_BYTES, ', ', 'Accept: ', 'a'),
  'Accept with quotes': fill(HEAD_BYTES, '\\"', 'Accept: a/b;c="'),
  'Accept-Encoding': fill(HEAD_BYTES, 'a,', 'Accept-Encoding: '),
  'Accept-Encoding with weights': fill(HEAD_BYTES, 'br;q=0.1,', 'Accept-Encoding: '),
  'If-None-Match': fill(HEAD_BYTES, '"a",', 'If-None-Match: '),
  'If-None-Match with commas': fill(HEAD_BYTES, ',', 'If-None-Match: '),
  Range: fill(HEAD_BYTES, ' ', 'Range: bytes=0', '-1'),
  Authorization: fill(HEAD_BYTES, ' ', 'Authorization: Bearer ', 'a'),
  traceparent: fill(HEAD_BYTES, 'a=1,', 'tracestate: '),
  Cookie: fill(HEAD_BYTES, 'a=1;', 'Cookie: '),
  Origin: fill(HEAD_BYTES, 'a', 'Origin: '),
  'many headers': numbered(HEAD_BYTES, 'a#:b\r\n').replace(/\r\n$/, '')
}

const paths = {
  'thumbnails of many ids': `${split}/thumbnails?${fill(HEAD_BYTES, '1,', 'ids=', '1')}`,
  'thumbnails of invalid ids': `${split}/thumbnails?${fill(HEAD_BYTES, 'a,', 'ids=')}`,
  'thumbnails of empty ids': `${split}/thumbnails?${fill(HEAD_BYTES, ',', 'ids=')}`,
  'a long path': `/${'a'.repeat(HEAD_BYTES)}`,
  'many segments': '/a'.repeat(HEAD_BYTES / 2),
  'many slashes': '/'.repeat(HEAD_BYTES),
  'many dots': '/..'.repeat(HEAD_BYTES / 3),
  'a long path with dots': `/v1/datasets/${'%2e%2e%2f'.repeat(1500)}`,
  'a file of many segments': `/v1/datasets/mnist/files/${'a/'.repeat(7000)}`,
  'an asset of many segments': `/assets/${'a/'.repeat(7000)}`,
  'a page of the documentation': `/docs/static/${'../'.repeat(5000)}`
}

function toTitles (kinds, request) {
  return Object.entries(kinds).map(([title, value]) => ({ title, request: request(value) }))
}

export const hostileRequests = [
  ...toTitles(bodies, body => {
    const head = 'Host: a\r\nContent-Type: application/json\r\nConnection: close'
    return `POST ${split}/gather HTTP/1.1\r\n${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  }),
  ...['batches', 'gather', 'thumbnails'].flatMap(resource => toTitles(queries, query => {
    return `GET ${split}/${resource}?${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
  }).map(({ title, request }) => ({ title: `${resource}: ${title}`, request }))),
  ...toTitles(headers, lines => {
    return `GET ${split}/batches?format=npz&batch_size=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n\r\n`
  }),
  ...toTitles(paths, path => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
]

/** Sends a request as it is, and reads the status of its response. */
export async function sendRaw (base, request) {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  const response = await new Promise((resolve, reject) => {
    let start = ''
    socket.setEncoding('latin1')
    socket.on('data', text => { if (start.length < 100) start += text })
    socket.once('error', reject).once('close', () => resolve(start))
    socket.write(request)
  })
  return Number(/^HTTP\/1\.1 (\d+)/.exec(response)?.[1])
}
