import { createHash } from 'node:crypto'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 70, val: 10, test: 0 })
const url = '/v1/datasets/made-up/croissant'

interface Described {
  readonly '@id': string
  readonly contentUrl: string
  readonly sha256?: string
}

t.test('the description has the classes, and the labels and images of each split that is not empty', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 64 })
  const response = await app.inject({ url, headers: { host: 'data.example:81' } })
  t.equal(response.headers['content-type'], 'application/ld+json')
  const body = response.json()
  t.match(body, { name: 'made-up', conformsTo: 'http://mlcommons.org/croissant/1.1', version: `1.0.0+${dataset.version}` })
  const sets = ['classes', 'train/labels', 'train/images/0', 'train/images/1', 'val/labels', 'val/images/0']
  t.same(body.recordSet.map((set: Described) => set['@id']), sets)
  t.equal(body.recordSet[0].data.length, dataset.entry.classes.length)

  const files: Described[] = body.distribution
  t.same(files.map(file => file['@id']), sets.slice(1).map(name => `${name}.json`))
  let images = 0
  for (const { contentUrl, sha256, '@id': id } of files) {
    t.ok(contentUrl.startsWith('http://data.example:81/v1/'), 'absolute')
    const { payload, statusCode, headers } = await app.inject(contentUrl.slice('http://data.example:81'.length))
    t.equal(statusCode, 200, id)
    t.match(headers['cache-control'], /immutable/, 'of this version only')
    if (sha256) t.equal(createHash('sha256').update(payload).digest('hex'), sha256)
    else images += JSON.parse(payload).images.length
  }
  t.equal(images, 80)
})

t.test('addresses are below the public one, else at the host of the request', async t => {
  const addressOf = async (host: string, publicUrl?: string): Promise<string> => {
    const { app } = await appOver(t, [dataset], { publicUrl })
    return (await app.inject({ url, headers: { host } })).json().url
  }
  t.equal(await addressOf('a.example', 'https://b.example/path/'), 'https://b.example/path/?dataset=made-up')
  t.equal(await addressOf('[::1]:8080'), 'http://[::1]:8080/?dataset=made-up')
  t.equal(await addressOf('a.example/evil?'), '/?dataset=made-up', 'a host that is none')
})
