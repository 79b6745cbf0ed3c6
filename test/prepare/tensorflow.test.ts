/** Backends that do not work: they are broken on purpose, for the rest of this process. */
import t from 'tap'
import type { BackendChoice, BackendName } from '../../src/dataset/settings.ts'
import { tf, useBackend, values } from '../../src/prepare/tensorflow.ts'

/** Removes a backend; loading it again does not restore it. */
function remove (name: BackendName): void {
  if (tf.findBackend(name)) tf.removeBackend(name)
}

const listeners = (): unknown[] => {
  return [...process.listeners('uncaughtException'), ...process.listeners('unhandledRejection')]
}

t.test('auto selects the fastest backend that works, and reports those that do not', async t => {
  const before = listeners()
  const { name, skipped } = await useBackend('auto')
  t.equal(tf.getBackend(), name)
  if (name === 'tensorflow') {
    t.same(skipped, [])
  } else {
    t.equal(name, 'wasm')
    t.equal(skipped.length, 1)
    t.match(skipped[0], { name: 'tensorflow', reason: /./ })
    t.notMatch(skipped[0]!.reason, '\n', 'the reason is one line')
  }
  await useBackend('wasm')
  t.same(listeners(), before, 'no handlers of process errors are left')
})

t.test('values are float32, even if a backend ignores a cast', async t => {
  for (const name of ['wasm', 'cpu'] as const) {
    await useBackend(name)
    const cast = values(() => tf.cast(tf.tensor1d([1, 2], 'int32'), 'float32'))
    t.ok(cast instanceof Float32Array, name)
    t.same([...cast], [1, 2])
  }
})

t.test('a backend that computes wrong values is not used', async t => {
  await useBackend('cpu')
  const [floor] = tf.getKernelsForBackend('cpu').filter(({ kernelName }) => kernelName === 'Floor')
  tf.unregisterKernel('Floor', 'cpu')
  tf.registerKernel({ kernelName: 'Floor', backendName: 'cpu', kernelFunc: tf.getKernel('Ceil', 'cpu').kernelFunc })
  const code = 'backend_unavailable'
  const wrong = /^TensorFlow.js backend cpu is not usable: it computes wrong values: .*\| 1 4 7 11 14 17 \|/
  await t.rejects(useBackend('cpu'), { code, message: wrong })

  tf.unregisterKernel('Floor', 'cpu')
  const missing = /^TensorFlow.js backend cpu is not usable: Kernel 'Floor' not registered/
  await t.rejects(useBackend('cpu'), { code, message: missing })

  tf.registerKernel(floor!)
  t.equal((await useBackend('cpu')).name, 'cpu')
})

t.test('a backend requested by name is not replaced', async t => {
  remove('wasm')
  const message = /^TensorFlow.js backend wasm is not usable: .*wasm/
  await t.rejects(useBackend('wasm'), { code: 'backend_unavailable', message })
  await t.rejects(useBackend('webgl' as BackendChoice), { code: 'backend_unavailable' })
})

t.test('auto falls back to the slowest backend, and fails if none is left', async t => {
  remove('tensorflow')
  remove('wasm')
  const { name, skipped } = await useBackend('auto')
  t.equal(name, 'cpu')
  t.same(skipped.map(({ name }) => name), ['tensorflow', 'wasm'])
  remove('cpu')
  const names = ['tensorflow', 'wasm', 'cpu']
  await t.rejects(useBackend('auto'), {
    code: 'backend_unavailable',
    message: new RegExp(`^${names.map(name => `TensorFlow.js backend ${name} is not usable: .+`).join('; ')}$`)
  })
})
