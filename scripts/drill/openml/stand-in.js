/**
 * A stand-in for OpenML with one dataset: real MNIST as the table `mnist_784`. Prints its address, the MD5 of the table
 * (which may differ from OpenML's in whitespace), and its size. With the argument `gzip`, it compresses the table for
 * clients that accept it.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { idxFolder } from '../../lib/mnist.js'

const PIXELS = 784
const readContent = (name, headerBytes) => readFileSync(join(idxFolder, name)).subarray(headerBytes)
const texts = Array.from({ length: 256 }, (_, level) => String(level))

function * lines () {
  yield '@RELATION mnist_784\n\n'
  for (let pixel = 1; pixel <= PIXELS; pixel++) yield `@ATTRIBUTE pixel${pixel} real\n`
  yield '@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}\n\n@DATA\n'
  for (const prefix of ['train', 't10k']) {
    const images = readContent(`${prefix}-images-idx3-ubyte`, 16)
    const labels = readContent(`${prefix}-labels-idx1-ubyte`, 8)
    for (let i = 0; i < labels.length; i++) {
      const image = images.subarray(i * PIXELS, (i + 1) * PIXELS)
      yield `${Array.from(image, level => texts[level]).join()},${labels[i]}\n`
    }
  }
}

const arff = Buffer.from([...lines()].join(''), 'latin1')
const gzipped = gzipSync(arff, { level: 1 })
const md5 = createHash('md5').update(arff).digest('hex')
const description = {
  id: '554',
  name: 'mnist_784',
  version: '1',
  format: 'ARFF',
  file_id: '52667',
  default_target_attribute: 'class',
  md5_checksum: md5
}
const unknown = { error: { code: '111', message: 'Unknown dataset' } }

const server = createServer(({ url, headers }, response) => {
  if (url === '/api/v1/json/data/554') return response.end(JSON.stringify({ data_set_description: description }))
  if (url !== '/data/v1/download/52667') return response.writeHead(412).end(JSON.stringify(unknown))
  const compress = process.argv[2] === 'gzip' && /\bgzip\b/.test(headers['accept-encoding'] ?? '')
  const body = compress ? gzipped : arff
  response.writeHead(200, { 'content-length': body.length, ...(compress && { 'content-encoding': 'gzip' }) }).end(body)
}).listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/ ${md5} ${arff.length}`))
process.on('disconnect', () => process.exit())
