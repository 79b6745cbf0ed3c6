import t from 'tap'
import { parseRange } from '../../../src/http/routes/files.ts'

const etag = '"abc"'

t.test('a single byte range is resolved, any other syntax is ignored', async t => {
  const cases: Array<[string | undefined, ReturnType<typeof parseRange>]> = [
    [undefined, undefined],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=0-', { start: 0, end: 99 }],
    ['bytes=10-19', { start: 10, end: 19 }],
    ['Bytes = 10 - 19', { start: 10, end: 19 }],
    ['bytes=99-', { start: 99, end: 99 }],
    ['bytes=90-1000', { start: 90, end: 99 }],
    ['bytes=90-99999999999999999999999', { start: 90, end: 99 }],
    ['bytes=-1', { start: 99, end: 99 }],
    ['bytes=-100', { start: 0, end: 99 }],
    ['bytes=-101', { start: 0, end: 99 }],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=100-200', 'unsatisfiable'],
    ['bytes=2-1', undefined],
    ['bytes=-', undefined],
    ['bytes=', undefined],
    ['bytes=a-b', undefined],
    ['bytes=1.0-2', undefined],
    ['bytes=0-1,5-6', undefined],
    ['items=0-1', undefined],
    ['0-1', undefined]
  ]
  for (const [range, expected] of cases) {
    t.same(parseRange(range === undefined ? {} : { range }, 100, etag), expected, String(range))
  }
  t.equal(parseRange({ range: 'bytes=0-' }, 0, etag), 'unsatisfiable', 'an empty file has no ranges')
  t.equal(parseRange({ range: 'bytes=-1' }, 0, etag), 'unsatisfiable')
})

t.test('a range applies only if If-Range has the current strong ETag', async t => {
  const range = 'bytes=1-2'
  t.same(parseRange({ range, 'if-range': etag }, 100, etag), { start: 1, end: 2 })
  t.equal(parseRange({ range, 'if-range': '"another"' }, 100, etag), undefined)
  t.equal(parseRange({ range, 'if-range': `W/${etag}` }, 100, etag), undefined, 'a weak tag is not enough')
  t.equal(parseRange({ range, 'if-range': 'Mon, 26 Jan 1998 15:07:48 GMT' }, 100, etag), undefined)
})
