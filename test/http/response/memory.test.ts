import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { heldBuffers } from '../../fixtures/garbage.ts'
import { prepared } from '../../fixtures/prepared.ts'

const train = '/v1/datasets/made-up/splits/train/batches'

/** Requests before the measurement, which fill the buffer pool, and the requests measured. */
const WARM_UP = 20
const REQUESTS = 200

const PAGE = 128
const PAGE_BYTES = PAGE * 784 * 4

/**
 * Requests a page repeatedly over one connection and returns the average bytes of array buffers allocated per request.
 * The client reads into a single buffer and retains nothing.
 */
async function allocatedPerPage (port: number, query: string): Promise<number> {
  const request = `GET ${train}?batch_size=${PAGE}&${query} HTTP/1.1\r\nhost: localhost\r\n\r\n`
  let left = 0
  let head = ''
  let wake = (): void => {}
  const socket = connect({
    port,
    onread: {
      buffer: Buffer.alloc(1 << 16),
      callback: (size, buffer) => {
        let start = 0
        if (left === 0) {
          head += (buffer as Buffer).toString('latin1', 0, size)
          const end = head.indexOf('\r\n\r\n')
          if (end < 0) return true
          left = Number(/^content-length: (\d+)/im.exec(head)![1])
          start = size - (head.length - end - 4)
          head = ''
        }
        left -= size - start
        if (left === 0) wake()
        return true
      }
    }
  })
  await once(socket, 'connect')
  let allocated = 0
  let before = Infinity
  for (let i = 0; i < WARM_UP + REQUESTS; i++) {
    const answered = new Promise<void>(resolve => { wake = resolve })
    socket.write(request)
    await answered
    const { arrayBuffers } = process.memoryUsage()
    // A decrease is garbage collected; it hides at most the page of this request.
    if (i >= WARM_UP) allocated += Math.max(0, arrayBuffers - before)
    before = arrayBuffers
  }
  socket.destroy()
  return allocated / REQUESTS
}

t.test('repeated pages allocate no memory: they are views, or use pooled buffers', async t => {
  const dataset = prepared({ train: 512, val: 1, test: 1 }, { rows: 28, columns: 28 })
  const { app } = await appOver(t, [dataset], { maxBatchSize: 512 })
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  for (const format of ['safetensors', 'npz', 'arrow']) {
    const bytes = await allocatedPerPage(port, `format=${format}&normalization=centered`)
    t.ok(bytes < PAGE_BYTES / 20, `${format}: ${Math.round(bytes)} bytes allocated for a page of ${PAGE_BYTES}`)
  }
  const augmented = ['augment=noise:1', 'augment=noise:1&dtype=float16', 'augment=noise:1&normalization=raw']
  for (const query of ['normalization=unit', 'dtype=float16', 'pad=32', 'seed=1', 'pad=32&seed=1', ...augmented]) {
    const bytes = await allocatedPerPage(port, `format=safetensors&${query}`)
    t.ok(bytes < PAGE_BYTES / 20, `${query}: ${Math.round(bytes)} bytes allocated`)
  }
  // The measurement detects memory that is allocated for each request.
  app.server.on('request', () => Buffer.alloc(PAGE_BYTES / 4))
  const bytes = await allocatedPerPage(port, 'format=safetensors')
  t.ok(bytes > PAGE_BYTES / 8, `${Math.round(bytes)} bytes allocated`)
})

t.test('pages of many epochs retain a bounded number of orders', async t => {
  const EPOCHS = 300
  const SAMPLES = 60_000
  const MAX_BYTES = 24 << 20
  const { app } = await appOver(t, [prepared({ train: SAMPLES, val: 1, test: 1 }, { rows: 1, columns: 1 })])
  const fetchPage = async (epoch: number): Promise<Buffer> => {
    const query = `format=safetensors&batch_size=8&seed=1&epoch=${epoch}`
    return (await app.inject(`/v1/datasets/made-up/splits/train/batches?${query}`)).rawPayload
  }
  await fetchPage(EPOCHS)
  const before = await heldBuffers()
  const first = []
  for (let epoch = 0; epoch < EPOCHS; epoch++) first.push(await fetchPage(epoch))
  for (let epoch = 0; epoch < EPOCHS; epoch += 10) t.same(await fetchPage(epoch), first[epoch])
  const bytes = await heldBuffers() - before
  t.ok(bytes < 1.1 * MAX_BYTES, `${bytes} bytes retained after ${EPOCHS} epochs of ${2 * SAMPLES} bytes each`)
})
