import { once } from 'node:events'
import { pipeline } from 'node:stream'
import t from 'tap'
import type { Coding } from '../../../src/http/response/compression.ts'
import { pageStream } from '../../../src/http/response/page-stream.ts'
import { decompressors } from '../../fixtures/codings.ts'

/** Pages that are not alike, and so many bytes that compressors do not hold them back for being few. */
const pages = Array.from({ length: 5 }, (_, i) => [Buffer.from(`page ${i}: `), Buffer.alloc(0), Buffer.alloc(3000, String(i)), Buffer.from('\n')])
const codings = Object.keys(decompressors) as Coding[]

t.test('a compressed page can be read before the next one is made', async t => {
  for (const coding of codings) {
    let more = (): void => {}
    async function * whenAsked () {
      for (const page of pages) {
        const asked = new Promise<void>(resolve => { more = resolve })
        yield page
        await asked
      }
    }
    const reader = pipeline(pageStream(whenAsked(), coding), decompressors[coding]!.stream(), () => {})
    let text = ''
    for (const page of pages) {
      const wanted = text + Buffer.concat(page)
      while (text.length < wanted.length) text += (await once(reader, 'data') as [Buffer])[0]
      t.equal(text, wanted, coding)
      reader.pause()
      more()
      reader.resume()
    }
    await once(reader, 'end')
  }
})

t.test('an error in the making is the error of the body, which then has no end', async t => {
  for (const coding of [undefined, ...codings]) {
    async function * failing () {
      yield * pages
      throw new Error('no such pixels')
    }
    const body = pageStream(failing(), coding)
    const chunks: Buffer[] = []
    body.on('data', chunk => chunks.push(chunk))
    const [error] = await once(body, 'close').then(() => [body.errored], error => [error])
    t.equal(error?.message, 'no such pixels')
    t.equal(body.readableEnded, false)
    if (coding) t.throws(() => decompressors[coding]!.whole(Buffer.concat(chunks)), `${coding}: cut off`)
  }
})

t.test('a body that nobody wants any more stops the making', async t => {
  for (const coding of [undefined, ...codings]) {
    let made = 0
    let stop = (): void => {}
    const stopped = new Promise<void>(resolve => { stop = resolve })
    async function * endless () {
      try {
        for (;;) {
          made++
          yield [Buffer.alloc(1 << 20, made)]
        }
      } finally {
        stop()
      }
    }
    const body = pageStream(endless(), coding)
    await once(body, 'readable')
    body.destroy()
    await stopped
    t.ok(made < 10, `${made} pages made`)
  }
})
