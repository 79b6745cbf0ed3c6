/** What becomes of backends that do not work. They are broken here on purpose, for all of this process. */
import t from 'tap'
import type { BackendChoice, BackendName } from '../../src/dataset/settings.ts'
import { tf, useBackend, values } from '../../src/prepare/tensor.ts'

/** Takes a backend away; loading it once more does not bring it back. */
function remove (name: BackendName): void {
  if (tf.findBackend(name)) tf.removeBackend(name)
}

const listeners = (): unknown[] => [...process.listeners('uncaughtException'), ...process.listeners('unhandledRejection')]

t.test('auto takes the fastest that works, and tells of those that do not', async t => {
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
  t.same(listeners(), before, "the handlers of this process's errors are its own")
})

t.test('values are float32, whatever a backend makes of a cast', async t => {
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
  await t.rejects(useBackend('cpu'), { code: 'backend_unavailable', message: /^TensorFlow.js backend cpu is not usable: it computes wrong values: .*\| 1 4 7 11 14 17 \|/ })

  tf.unregisterKernel('Floor', 'cpu')
  await t.rejects(useBackend('cpu'), { code: 'backend_unavailable', message: /^TensorFlow.js backend cpu is not usable: Kernel 'Floor' not registered/ })

  tf.registerKernel(floor!)
  t.equal((await useBackend('cpu')).name, 'cpu')
})

t.test('a backend that was asked for by name is not replaced', async t => {
  remove('wasm')
  await t.rejects(useBackend('wasm'), { code: 'backend_unavailable', message: /^TensorFlow.js backend wasm is not usable: .*wasm/ })
  await t.rejects(useBackend('webgl' as BackendChoice), { code: 'backend_unavailable' })
})

t.test('auto goes on to the slowest, and fails when there is none', async t => {
  remove('tensorflow')
  remove('wasm')
  const { name, skipped } = await useBackend('auto')
  t.equal(name, 'cpu')
  t.same(skipped.map(({ name }) => name), ['tensorflow', 'wasm'])
  remove('cpu')
  await t.rejects(useBackend('auto'), {
    code: 'backend_unavailable',
    message: /^TensorFlow.js backend tensorflow is not usable: .+; TensorFlow.js backend wasm is not usable: .+; TensorFlow.js backend cpu is not usable: .+$/
  })
})
