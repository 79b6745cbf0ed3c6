import t from 'tap'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { fileRoles } from '../../src/dataset/entry.ts'

t.test('every dataset has complete and plausible files', async t => {
  const emnist = ['byclass', 'bymerge', 'balanced', 'letters', 'digits', 'mnist'].map(name => `emnist-${name}`)
  t.same([...catalogue.keys()], ['mnist', 'fashion-mnist', 'kmnist', 'qmnist', ...emnist])
  const hashes = new Map<string, string>()
  for (const [name, entry] of catalogue) {
    t.equal(entry.name, name)
    t.equal(new Set(entry.classes).size, entry.classes.length, `classes of ${name} are unique`)
    t.ok(entry.mirrors.every(base => /^https?:\/\/.+\/$/.test(base)))
    t.ok(entry.mirrors.length > 0 || entry.archive, `${name} has a source`)
    for (const role of fileRoles) {
      const { name: file, dimensions, sha256, gzip } = entry.files[role]
      const isImages = role.endsWith('Images')
      t.equal(dimensions.length, isImages ? 3 : entry.adjustments?.labelColumn === undefined ? 1 : 2, file)
      if (isImages) t.same(dimensions.slice(1), [28, 28])
      const images = entry.files[role.startsWith('train') ? 'trainImages' : 'testImages']
      t.equal(dimensions[0], images.dimensions[0], 'one label per image')
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
  t.same(counts, [10, 10, 10, 10, 62, 47, 47, 26, 10, 10])
})
