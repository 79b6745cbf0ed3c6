/**
 * Answers as OpenML does, of one dataset: real MNIST as the table that `mnist_784` is. Its text may differ from OpenML's own by
 * a blank somewhere, so it has an MD5 of its own, which is printed after the address.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { idxFolder } from './lib/mnist.js'

const PIXELS = 784
const read = (name, header) => readFileSync(join(idxFolder, name)).subarray(header)
const texts = Array.from({ length: 256 }, (_, level) => String(level))

function * lines () {
  yield '@RELATION mnist_784\n\n'
  for (let pixel = 1; pixel <= PIXELS; pixel++) yield `@ATTRIBUTE pixel${pixel} real\n`
  yield '@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}\n\n@DATA\n'
  for (const part of ['train', 't10k']) {
    const [images, labels] = [read(`${part}-images-idx3-ubyte`, 16), read(`${part}-labels-idx1-ubyte`, 8)]
    for (let i = 0; i < labels.length; i++) {
      yield `${Array.from(images.subarray(i * PIXELS, (i + 1) * PIXELS), level => texts[level]).join()},${labels[i]}\n`
    }
  }
}

const arff = Buffer.from([...lines()].join(''), 'latin1')
const gzipped = gzipSync(arff, { level: 1 })
const md5 = createHash('md5').update(arff).digest('hex')
const description = { id: '554', name: 'mnist_784', version: '1', format: 'ARFF', file_id: '52667', default_target_attribute: 'class', md5_checksum: md5 }

const server = createServer(({ url, headers }, response) => {
  if (url === '/api/v1/json/data/554') return response.end(JSON.stringify({ data_set_description: description }))
  if (url !== '/data/v1/download/52667') return response.writeHead(412).end(JSON.stringify({ error: { code: '111', message: 'Unknown dataset' } }))
  const asked = process.argv[2] !== 'plain' && /\bgzip\b/.test(headers['accept-encoding'] ?? '')
  const body = asked ? gzipped : arff
  response.writeHead(200, { 'content-length': body.length, ...(asked && { 'content-encoding': 'gzip' }) }).end(body)
}).listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/ ${md5} ${arff.length}`))
process.on('disconnect', () => process.exit())
