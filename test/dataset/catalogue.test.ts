import t from 'tap'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { fileRoles } from '../../src/dataset/entry.ts'

t.test('every dataset is whole', async t => {
  const emnist = ['byclass', 'bymerge', 'balanced', 'letters', 'digits', 'mnist'].map(name => `emnist-${name}`)
  t.same([...catalogue.keys()], ['mnist', 'fashion-mnist', 'kmnist', 'qmnist', ...emnist])
  const hashes = new Map<string, string>()
  for (const [name, entry] of catalogue) {
    t.equal(entry.name, name)
    t.equal(new Set(entry.classes).size, entry.classes.length, `${name} has no class twice`)
    t.ok(entry.mirrors.every(base => /^https?:\/\/.+\/$/.test(base)))
    t.ok(entry.mirrors.length > 0 || entry.archive, `${name} has a place to come from`)
    for (const role of fileRoles) {
      const { name: file, dimensions, sha256, gzip } = entry.files[role]
      const images = role.endsWith('Images')
      t.equal(dimensions.length, images ? 3 : entry.adjustments?.labelColumn === undefined ? 1 : 2, file)
      if (images) t.same(dimensions.slice(1), [28, 28])
      t.equal(dimensions[0], entry.files[role.startsWith('train') ? 'trainImages' : 'testImages'].dimensions[0], 'as many labels as images')
      t.ok(sha256 ?? gzip ?? entry.archive, `something pins ${file}`)
      for (const [hash, length] of [[sha256, 64], [gzip?.sha256, 64], [gzip?.md5, 32]] as const) {
        if (hash === undefined) continue
        t.match(hash, new RegExp(`^[0-9a-f]{${length}}$`))
        t.notOk(hashes.has(hash), `${hash} is of ${name} ${file} alone`)
        hashes.set(hash, file)
      }
    }
  }
})

t.test('classes are as many as the publishers say', async t => {
  const counts = [...catalogue.values()].map(({ classes }) => classes.length)
  t.same(counts, [10, 10, 10, 10, 62, 47, 47, 26, 10, 10])
})
