import t from 'tap'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { formatOf } from '../../src/decode/decoders.ts'

t.test('every dataset has complete and plausible files', async t => {
  const emnist = ['byclass', 'bymerge', 'balanced', 'letters', 'digits', 'mnist'].map(name => `emnist-${name}`)
  t.same([...catalogue.keys()], ['mnist', 'fashion-mnist', 'kmnist', 'qmnist', ...emnist, 'cifar-10', 'cifar-100'])
  const hashes = new Map<string, string>()
  for (const [name, entry] of catalogue) {
    t.equal(entry.name, name)
    t.equal(new Set(entry.classes).size, entry.classes.length, `classes of ${name} are unique`)
    t.ok(entry.mirrors.every(base => /^https?:\/\/.+\/$/.test(base)))
    t.ok(entry.mirrors.length > 0 || entry.archive, `${name} has a source`)
    t.ok(formatOf(entry), `${name} has a format`)
    if (entry.format === 'idx') {
      const sizes = entry.files.map(({ bytes }) => bytes)
      const counts = [(sizes[0]! - 16) / 28 ** 2, (sizes[2]! - 16) / 28 ** 2]
      const labelSizes = counts.map(count => entry.adjustments?.labelColumn === undefined ? 8 + count : 12 + 32 * count)
      t.same([sizes[1], sizes[3]], labelSizes, 'one label per image')
    }
    for (const { name: file, sha256, gzip } of entry.files) {
      t.ok(sha256 ?? gzip ?? entry.archive, `${file} has a hash`)
      for (const [hash, length] of [[sha256, 64], [gzip?.sha256, 64], [gzip?.md5, 32]] as const) {
        if (hash === undefined) continue
        t.match(hash, new RegExp(`^[0-9a-f]{${length}}$`))
        t.notOk(hashes.has(hash), `${hash} belongs to ${name} ${file} only`)
        hashes.set(hash, file)
      }
    }
  }
})

t.test('numbers of classes', async t => {
  const counts = [...catalogue.values()].map(({ classes }) => classes.length)
  t.same(counts, [10, 10, 10, 10, 62, 47, 47, 26, 10, 10, 10, 100])
})
