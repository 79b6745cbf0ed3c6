import t from 'tap'
import type { ParameterError } from '../../../src/http/query/query-errors.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

type Problem = { readonly detail: string, readonly errors: ParameterError[], readonly omitted_errors: number }

const dataset = prepared({ train: 101, val: 20, test: 1 })
const train = '/v1/datasets/made-up/splits/train/batches'

const integer = 'an integer of at least 0'
const batchSize = 'an integer from 1 to 64'
const normalizations = 'one of centered, unit, standard, raw'
const labels = 'one of onehot, index'
const dtypes = 'one of float32, float16, uint8'
const rawDtype = 'uint8 where normalization is raw'
const centeredDtypes = 'float32 or float16 where normalization is centered'
const layouts = 'one of flat, nhwc, nchw'
const formats = 'one of json, npz, safetensors, arrow'
const parameters = 'page, offset, batch_size, seed, epoch, rank, world_size, remainder, normalization, dtype, ' +
  'labels, layout, augment, pad, format, version'

const cases: Array<[query: string, parameter: string, detail: string, allowed: string]> = [
  ['page=-1', 'page', `page must be ${integer}, got '-1'`, integer],
  ['page=1e3', 'page', `page must be ${integer}, got '1e3'`, integer],
  ['page=0x1', 'page', `page must be ${integer}, got '0x1'`, integer],
  ['page=1.0', 'page', `page must be ${integer}, got '1.0'`, integer],
  ['page=01', 'page', `page must be ${integer}, got '01'`, integer],
  ['page=%201', 'page', `page must be ${integer}, got ' 1'`, integer],
  ['page=', 'page', `page must be ${integer}, got ''`, integer],
  ['page=99999999999999999999', 'page', `page must be ${integer}, got '99999999999999999999'`, integer],
  ['page=1&page=1', 'page', 'page is given 2 times', integer],
  ['batch_size=0', 'batch_size', `batch_size must be ${batchSize}, got '0'`, batchSize],
  ['batch_size=65', 'batch_size', `batch_size must be ${batchSize}, got '65'`, batchSize],
  ['normalization=zscore', 'normalization', `normalization must be ${normalizations}, got 'zscore'`, normalizations],
  ['labels=sparse', 'labels', `labels must be ${labels}, got 'sparse'`, labels],
  ['dtype=float64', 'dtype', `dtype must be ${dtypes}, got 'float64'`, dtypes],
  ['normalization=raw&dtype=float16', 'dtype', `dtype must be ${rawDtype}, got 'float16'`, rawDtype],
  ['normalization=raw&dtype=float32', 'dtype', `dtype must be ${rawDtype}, got 'float32'`, rawDtype],
  ['dtype=uint8', 'dtype', `dtype must be ${centeredDtypes}, got 'uint8'`, centeredDtypes],
  ['layout=NHWC', 'layout', `layout must be ${layouts}, got 'NHWC'`, layouts],
  ['format=csv', 'format', `format must be ${formats}, got 'csv'`, formats],
  ['augmentation=noise', 'augmentation', 'augmentation is not a parameter of this resource', parameters],
  ['batchSize=1', 'batchSize', 'batchSize is not a parameter of this resource', parameters],
  ['__proto__=1', '__proto__', '__proto__ is not a parameter of this resource', parameters]
]

t.test('invalid parameters are named, with the allowed values', async t => {
  const { app } = await appOver(t, [dataset])
  for (const [query, parameter, detail, allowed] of cases) {
    const response = await app.inject(`${train}?${query}`)
    t.equal(response.statusCode, 400, query)
    t.equal(response.headers['content-type'], 'application/problem+json')
    t.same(response.json(), {
      type: 'urn:mnist-batch-server:problem:invalid_parameter',
      title: 'Invalid parameter',
      status: 400,
      detail,
      code: 'invalid_parameter',
      errors: [{ parameter, detail, allowed }]
    }, query)
  }
})

t.test('all invalid parameters of a request are reported at once', async t => {
  const { app } = await appOver(t, [dataset])
  const { errors } = (await app.inject(`${train}?page=x&layout=y&z=1`)).json<{ errors: ParameterError[] }>()
  t.same(errors.map(({ parameter }) => parameter).sort(), ['layout', 'page', 'z'])
})

t.test('at most ten invalid parameters are listed, and the others are counted', async t => {
  const { app } = await appOver(t, [dataset])
  const names = Array.from({ length: 3000 }, (_, i) => `p${i}`)
  const response = await app.inject(`${train}?page=x&${names.join('&')}`)
  const { errors, omitted_errors: omitted, detail } = response.json<Problem>()
  t.equal(errors.length, 10)
  t.equal(omitted, 2991)
  t.match(detail, /; and 2991 more$/)
  t.ok(response.body.length < 5000, `${response.body.length} bytes`)
})

t.test('resources without parameters accept none, unless they are probes', async t => {
  const { app } = await appOver(t, [dataset])
  for (const url of ['/v1/datasets', '/v1/datasets/made-up/files/a']) {
    const problem = (await app.inject(`${url}?x=1`)).json()
    t.match(problem, { status: 400, errors: [{ parameter: 'x', allowed: 'no parameters' }] })
  }
})
