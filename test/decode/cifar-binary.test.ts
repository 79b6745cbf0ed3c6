import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { DatasetEntry } from '../../src/dataset/entry.ts'
import type { RawDataset } from '../../src/dataset/sample-splits.ts'
import { cifar } from '../../src/decode/cifar-binary.ts'
import { fileInMemory } from '../../src/decode/dataset-format.ts'
import {
  cifar10Archive, cifar10Counts, cifar10Labels, cifar10Members, pixels, records, tarOf, withTar, type Members
} from '../fixtures/cifar.ts'

const entry = withTar('cifar-10', cifar10Archive, cifar10Counts)
const folder = 'cifar-10-batches-bin/'

async function decode (archive: Uint8Array, declared: DatasetEntry = entry): Promise<RawDataset> {
  return await cifar.decode([fileInMemory(declared.files[0]!.name, archive)], declared)
}

t.test('batches are concatenated in their own order, and pixels are planes', async t => {
  const { shape, train, test } = await decode(cifar10Archive)
  t.same(shape, { channels: 3, rows: 32, columns: 32 })
  t.same([...train.labels], cifar10Labels.train.flat())
  t.same([...test.labels], cifar10Labels.test)
  const expected = [1, 2, 3, 4, 5].flatMap(batch => [pixels(batch, 0), pixels(batch, 1)])
  t.same(Buffer.from(train.images), Buffer.concat(expected))
  t.same(Buffer.from(test.images), Buffer.concat([0, 1, 2].map(i => pixels(6, i))))
})

t.test('the classes of CIFAR-100 are its fine labels', async t => {
  const members: Members = [
    ['cifar-100-binary/', undefined],
    ['cifar-100-binary/fine_label_names.txt', Buffer.from('apple\n')],
    ['cifar-100-binary/test.bin', records(2, [[19, 99]])],
    ['cifar-100-binary/train.bin', records(1, [[0, 4], [11, 98], [19, 0]])]
  ]
  const archive = gzipSync(tarOf(members))
  const { train, test } = await decode(archive, withTar('cifar-100', archive, { train: 3, test: 1 }))
  t.same([[...train.labels], [...test.labels]], [[4, 98, 0], [99]])
  t.same(Buffer.from(train.images), Buffer.concat([0, 1, 2].map(i => pixels(1, i))))
})

/** The archive with one member replaced, or left out. */
function changed (name: string, content?: Uint8Array, as = name): Buffer {
  const members = cifar10Members(cifar10Labels.train, cifar10Labels.test)
  const i = members.findIndex(([member]) => member === folder + name)
  members.splice(i, 1, ...(content ? [[folder + as, content] as Members[number]] : []))
  return gzipSync(tarOf(members))
}

t.test('a malformed archive is an error that names the member', async t => {
  const tar = tarOf(cifar10Members(cifar10Labels.train, cifar10Labels.test))
  const batch = records(4, [[4], [5]])
  const damaged = Buffer.from(tar)
  damaged[3] ^= 1
  const cases: Array<[what: string, archive: Uint8Array, reason: RegExp]> = [
    ['truncated gzip', cifar10Archive.subarray(0, 9000),
      /^is not a complete gzip file: unexpected end of file, in cifar-10-batches-bin\/data_batch_3\.bin$/],
    ['truncated tar', gzipSync(tar.subarray(0, 12000)), /^ends within cifar-10-batches-bin\/data_batch_3\.bin$/],
    ['damaged header', gzipSync(damaged), /^is not a tar archive after its start$/],
    ['no tar', gzipSync(Buffer.alloc(2048, 'x')), /^is not a tar archive after its start$/],
    ['empty tar', gzipSync(Buffer.alloc(1024)), /^has no data_batch_1\.bin$/],
    ['gzip bomb', gzipSync(tarOf([[`${folder}readme.html`, Buffer.alloc(64 << 20)]])),
      /^has more than \d+ bytes, in cifar-10-batches-bin\/readme\.html$/],
    ['missing member', changed('data_batch_4.bin'), /^has no data_batch_4\.bin$/],
    ['member of CIFAR-100', changed('data_batch_4.bin', batch, 'train.bin'),
      /^has an unexpected cifar-10-batches-bin\/train\.bin$/],
    ['a batch too many', changed('data_batch_4.bin', batch, 'data_batch_6.bin'),
      /^has an unexpected cifar-10-batches-bin\/data_batch_6\.bin$/],
    ['a batch twice', changed('data_batch_2.bin', batch, 'data_batch_4.bin'),
      /^has an unexpected cifar-10-batches-bin\/data_batch_4\.bin$/],
    ['incomplete record', changed('data_batch_4.bin', batch.subarray(1)),
      /^has 6145 bytes in cifar-10-batches-bin\/data_batch_4\.bin, expected 2 records of 3073 = 6146$/],
    ['records of CIFAR-100', changed('data_batch_4.bin', records(4, [[4, 4], [5, 5]])),
      /^has 6148 bytes in cifar-10-batches-bin\/data_batch_4\.bin, expected 2 records of 3073 = 6146$/],
    ['label out of range', changed('data_batch_4.bin', records(4, [[4], [10]])),
      /^has label 10 in record 1 of cifar-10-batches-bin\/data_batch_4\.bin, allowed are 0 to 9$/]
  ]
  for (const [what, archive, reason] of cases) {
    const message = new RegExp(`^cifar-10-binary\\.tar\\.gz ${reason.source.slice(1)}`)
    await t.rejects(decode(archive), { code: 'invalid_file', message }, what)
  }
})
