import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Folder, describeFolder } from '../../src/acquire/local.ts'
import { fileRoles } from '../../src/dataset/entry.ts'
import { verifyFile } from '../../src/decode/verify-file.ts'
import { resolveEntry } from '../../src/prepare/load.ts'
import { idxFile, perRole, tinyDataset } from '../fixtures/tiny-dataset.ts'

const tiny = tinyDataset()
const names = { trainImages: 'train-images-idx3-ubyte', trainLabels: 'train-labels-idx1-ubyte', testImages: 't10k-images-idx3-ubyte', testLabels: 't10k-labels-idx1-ubyte' }

t.test('files are taken as they are, or gzipped', async t => {
  const { trainImages, trainLabels, testImages } = tiny.entry.files
  const folder = new Folder(t.testdir({ [trainImages.name]: tiny.content.trainImages, [`${trainLabels.name}.gz`]: tiny.gzipped.trainLabels, [testImages.name]: {} }))
  t.same(await folder.read(trainImages), tiny.content.trainImages)
  t.same(await folder.read(trainLabels), tiny.gzipped.trainLabels)
  t.equal(await folder.read(tiny.entry.files.testLabels), undefined)
  await t.rejects(folder.read(testImages), { code: 'source_unavailable', message: /EISDIR/ })
})

t.test('a folder that nobody declared describes itself', async t => {
  const path = t.testdir({
    [`${names.trainImages}.gz`]: gzipSync(tiny.content.trainImages),
    [names.trainLabels]: tiny.content.trainLabels,
    'my.test-images.idx3-ubyte': tiny.content.testImages,
    [names.testLabels]: tiny.content.testLabels,
    [`${names.testLabels}.gz`]: tiny.gzipped.testLabels,
    'README.txt': 'nothing of ours'
  })
  const entry = await describeFolder(path, 'mine')
  t.match(entry, { name: 'mine', title: 'mine', classes: ['0', '1', '2'], mirrors: [] })
  for (const role of fileRoles) {
    t.same([entry.files[role].dimensions, entry.files[role].sha256], [tiny.entry.files[role].dimensions, tiny.entry.files[role].sha256])
    const bytes = await new Folder(path).read(entry.files[role])
    t.same(Buffer.from((await verifyFile(bytes!, entry.files[role])).content), tiny.content[role])
  }
})

t.test('what a folder lacks, or what is wrong with it, is named', async t => {
  const whole = perRole(role => tiny.content[role])
  const folderOf = (overrides: Partial<Record<keyof typeof names, Buffer | undefined>>): string => t.testdir(Object.fromEntries(fileRoles.flatMap(role => {
    const bytes = role in overrides ? overrides[role] : whole[role]
    return bytes ? [[names[role], bytes]] : []
  })))
  const cases: Array<[path: string, reason: RegExp]> = [
    [join(t.testdir(), 'none'), /^folder mine cannot be read: ENOENT$/],
    [folderOf({ testLabels: undefined }), /^folder mine has no file, expected one file like t10k-labels-idx1-ubyte\.gz$/]
  ]
  for (const [path, reason] of cases) await t.rejects(describeFolder(path, 'mine'), { code: 'no_source', message: reason })
  await t.rejects(describeFolder(folderOf({ trainImages: Buffer.from('<html>') }), 'mine'), { code: 'no_source', message: /^mine\/train-images-idx3-ubyte is not IDX of unsigned bytes: starts with 3c/ })
  await t.rejects(describeFolder(folderOf({ trainLabels: idxFile([0xffffffff], Buffer.alloc(3)) }), 'mine'), { code: 'no_source', message: /^mine\/train-labels-idx1-ubyte has 3 bytes of data, but/ })
  const two = t.testdir({ 'a-train-images-idx3-ubyte': whole.trainImages, 'b-train-images-idx3-ubyte': whole.trainImages })
  await t.rejects(describeFolder(two, 'mine'), { code: 'no_source', message: /^folder mine has a-train-images-idx3-ubyte, b-train-images-idx3-ubyte, expected one file like/ })
})

t.test('a dataset is known by the catalogue, or else by its folder', async t => {
  const folder = t.testdir({ mine: perRole(role => tiny.content[role]) && Object.fromEntries(fileRoles.map(role => [names[role], tiny.content[role]])) })
  t.equal((await resolveEntry('mnist', folder)).title, 'MNIST handwritten digits')
  t.equal((await resolveEntry('mine', folder)).classes.length, 3)
  await t.rejects(resolveEntry('mine', undefined), { code: 'no_source', message: 'mine is not in the catalogue, and no folder is configured' })
})
