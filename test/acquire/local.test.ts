import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { listFolder } from '../../src/acquire/folder-files.ts'
import { Folder } from '../../src/acquire/local.ts'
import { verifyFile } from '../../src/acquire/verify-file.ts'
import { declareFolder } from '../../src/decode/decoders.ts'
import { resolveEntry } from '../../src/load/load-dataset.ts'
import { fileRoles, idxFile, perRole, tinyDataset } from '../fixtures/tiny-dataset.ts'

const tiny = tinyDataset()
const names = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte'
}

t.test('a folder has files gzipped or not', async t => {
  const { trainImages, trainLabels, testImages } = tiny.files
  const folder = new Folder(t.testdir({
    [trainImages.name]: tiny.content.trainImages,
    [`${trainLabels.name}.gz`]: tiny.gzipped.trainLabels,
    [testImages.name]: {}
  }))
  t.same(await folder.read(trainImages), tiny.content.trainImages)
  t.same(await folder.read(trainLabels), tiny.gzipped.trainLabels)
  t.equal(await folder.read(tiny.files.testLabels), undefined)
  t.equal(await folder.read(testImages), undefined)
  const file = join(t.testdir({ file: '' }), 'file')
  await t.rejects(new Folder(file).read(testImages), { code: 'source_unavailable', message: /ENOTDIR/ })
})

t.test('a folder that is not in the catalogue is described by its files', async t => {
  const path = t.testdir({
    [`${names.trainImages}.gz`]: gzipSync(tiny.content.trainImages),
    [names.trainLabels]: tiny.content.trainLabels,
    'my.test-images.idx3-ubyte': tiny.content.testImages,
    [names.testLabels]: tiny.content.testLabels,
    [`${names.testLabels}.gz`]: tiny.gzipped.testLabels,
    'README.txt': 'ignored'
  })
  const entry = await declareFolder(listFolder(path, 'mine'))
  t.match(entry, { name: 'mine', title: 'mine', classes: ['0', '1', '2'], mirrors: [] })
  for (const [i, role] of fileRoles.entries()) {
    const [found, expected] = [entry.files[i]!, tiny.files[role]]
    t.same([found.bytes, found.sha256], [expected.bytes, expected.sha256])
    const bytes = await new Folder(path).read(found)
    t.same(Buffer.from((await verifyFile(bytes!, found)).content), tiny.content[role])
  }
})

/** Layouts of the four files, as archives and file systems leave them. */
const layouts: Array<[what: string, layOut: (name: string, content: Buffer) => Record<string, Buffer | object>]> = [
  ['names with dots', (name, content) => ({ [name.replace('-idx', '.idx')]: content })],
  ['names with underscores', (name, content) => ({ [name.replaceAll('-', '_')]: content })],
  ['names in capitals', (name, content) => ({ [`${name.toUpperCase()}.GZ`]: gzipSync(content) })],
  ['a folder of the same name around each file', (name, content) => ({ [name]: { [name]: content } })],
  ['folders beside copies with dots, as on Kaggle', (name, content) => {
    return { [name]: { [name]: content }, [name.replace('-idx', '.idx')]: content }
  }],
  ['metadata of macOS', (name, content) => ({
    [`${name}.gz`]: gzipSync(content),
    [`._${name}.gz`]: Buffer.from('0005160700020000', 'hex'),
    '.DS_Store': Buffer.from('\0\0\0\x01Bud1'),
    __MACOSX: { [`._${name}.gz`]: Buffer.from('0005160700020000', 'hex') }
  })],
  ['several gzip members', (name, content) => {
    return { [`${name}.gz`]: Buffer.concat([gzipSync(content.subarray(0, 9)), gzipSync(content.subarray(9))]) }
  }],
  ['bytes after the gzip', (name, content) => {
    return { [`${name}.gz`]: Buffer.concat([gzipSync(content), Buffer.from('\r\n<!-- end -->')]) }
  }]
]

t.test('files are found however archives and file systems have spelled and wrapped them', async t => {
  for (const [what, layOut] of layouts) {
    const published = perRole(role => tiny.files[role].name)
    const path = t.testdir(Object.assign({}, ...fileRoles.map(role => layOut(published[role], tiny.content[role]))))
    const folder = new Folder(path)
    const described = await declareFolder(listFolder(path, 'mine'))
    for (const [i, role] of fileRoles.entries()) {
      // As a dataset of the catalogue, and as one that its files describe.
      for (const file of [tiny.files[role], described.files[i]!]) {
        const { content } = await verifyFile((await folder.read(file))!, file)
        t.ok(Buffer.from(content).equals(tiny.content[role]), `${what}: ${role} as ${file.name}`)
      }
    }
  }
})

t.test('the error for a folder names what is missing or invalid', async t => {
  const complete = Object.fromEntries(fileRoles.map(role => [names[role], tiny.content[role]]))
  const { [names.testLabels]: _, ...incomplete } = complete
  const { trainImages, testImages: other } = tiny.content
  const cases: Array<[files: Record<string, Buffer>, reason: RegExp]> = [
    [{ 'README.txt': Buffer.from('no data') }, /^folder mine has no files of a known format$/],
    [incomplete, /^folder mine has no file, expected one like t10k-labels-idx1-ubyte\.gz$/],
    [{ ...complete, [names.trainImages]: Buffer.from('<html>') },
      /^mine\/train-images-idx3-ubyte is not IDX of unsigned bytes: starts with 3c/],
    [{ ...complete, [names.trainLabels]: idxFile([0xffffffff], Buffer.alloc(3)) },
      /^mine\/train-labels-idx1-ubyte has 3 bytes of data, but/],
    [{ 'a-train-images-idx3-ubyte': trainImages, 'b-train-images-idx3-ubyte': other },
      /^folder mine has a-train-images-idx3-ubyte, b-train-images-idx3-ubyte, expected one file like/]
  ]
  for (const [files, message] of cases) {
    await t.rejects(declareFolder(listFolder(t.testdir(files), 'mine')), { code: 'no_source', message })
  }
  await t.rejects(declareFolder(listFolder(join(t.testdir(), 'none'), 'mine')), {
    code: 'no_source',
    message: /^folder mine cannot be read: ENOENT$/
  })
})

t.test('a dataset is looked up in the catalogue, then in the folder', async t => {
  const folder = t.testdir({ mine: Object.fromEntries(fileRoles.map(role => [names[role], tiny.content[role]])) })
  t.equal((await resolveEntry('mnist', folder)).title, 'MNIST handwritten digits')
  t.equal((await resolveEntry('mine', folder)).classes.length, 3)
  await t.rejects(resolveEntry('mine', undefined), {
    code: 'no_source',
    message: 'mine is not in the catalogue, and no folder is configured'
  })
})
