import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const CLIENTS = 4
const PAGES = 2
const CRASHES = 3

t.test('compute threads that crash under load cost no response and no byte', async t => {
  const dataset = prepared({ train: 600, val: 1, test: 1 }, { rows: 28, columns: 28 })
  const { app } = await appOver(t, [dataset], { maxBatchSize: 300, threads: 2 })
  const base = await app.listen({ port: 0 })
  // Values from the threads; pixels from the threads, as a body and as JSON.
  const variants = [
    'format=safetensors&batch_size=200', 'format=npz&batch_size=300&normalization=raw', 'format=json&batch_size=200'
  ]
  const batches = `${base}/v1/datasets/${dataset.entry.name}/splits/train/batches?seed=1&augment=elastic:34`
  const urls = variants.flatMap(variant => {
    return Array.from({ length: PAGES }, (_, page) => `${batches}&${variant}&page=${page}`)
  })
  const read = async (url: string): Promise<Buffer> => {
    const response = await fetch(url)
    if (response.status !== 200) throw new Error(`${url} responds with ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  }
  const expected = new Map<string, Buffer>()
  for (const url of urls) expected.set(url, await read(url))

  const { compute } = app.limits
  const end = new AbortController()
  let wrong = 0
  const runClient = async (client: number): Promise<void> => {
    for (let i = client; !end.signal.aborted || i < client + urls.length; i++) {
      const url = urls[i % urls.length]!
      if (!(await read(url)).equals(expected.get(url)!)) wrong++
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, client) => runClient(client)))
  for (let i = 0; compute.crashes < CRASHES; i++) {
    await compute.threads[i % 2]?.terminate()
    // Between two crashes, some responses.
    await read(urls[i % urls.length]!)
  }
  end.abort()
  await clients
  t.equal(wrong, 0)
  t.ok(compute.crashes >= CRASHES, `${compute.crashes} crashes`)
})
