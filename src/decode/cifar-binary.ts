import type { DatasetEntry } from '../dataset/entry.ts'
import { valueCount } from '../dataset/image-shape.ts'
import type { RawDataset, Samples } from '../dataset/sample-splits.ts'
import { ServiceError } from '../errors.ts'
import type { DatasetFormat, VerifiedFile } from './dataset-format.ts'
import { decompress } from './gunzip.ts'
import { readTar, type TarMember } from './tar.ts'

/** The members with samples, in the order of the samples: those of CIFAR-10, and those of CIFAR-100. */
const memberNames = {
  oneLabel: {
    train: ['data_batch_1.bin', 'data_batch_2.bin', 'data_batch_3.bin', 'data_batch_4.bin', 'data_batch_5.bin'],
    test: ['test_batch.bin']
  },
  twoLabels: { train: ['train.bin'], test: ['test.bin'] }
}

/**
 * The binary version of CIFAR (cs.toronto.edu/~kriz/cifar.html): a gzipped tar archive whose members are records of
 * images of three planes, without a header:
 *
 *     0   u8  label; the coarse one and the fine one in CIFAR-100, of which `labelColumn` is the class
 *     1   u8  pixels of the red plane row by row, then those of the green one, then those of the blue one
 */
export const cifar: DatasetFormat = {
  name: 'cifar',

  async decode ([archive], entry) {
    try {
      return await decodeArchive(archive!, entry)
    } catch (cause) {
      if (!(cause instanceof ServiceError)) throw cause
      throw new ServiceError(cause.code, `${archive!.name} ${cause.message}`, { cause })
    }
  }
}

/** How records are laid out, and where those of one member belong. */
interface Target {
  readonly labels: number
  readonly labelColumn: number
  readonly pixels: number
  readonly classes: number
  readonly samples: Samples
  readonly start: number
  readonly count: number
}

async function decodeArchive (archive: VerifiedFile, entry: DatasetEntry): Promise<RawDataset> {
  const { shape, train, test } = entry.layout!
  const names = memberNames[entry.adjustments?.labelColumn === undefined ? 'oneLabel' : 'twoLabels']
  const pixels = valueCount(shape)
  const targets = new Map<string, Target>()
  const allocate = (members: readonly string[], count: number): Samples => {
    const samples = { count, images: new Uint8Array(count * pixels), labels: new Uint8Array(count) }
    const { labelColumn = 0 } = entry.adjustments ?? {}
    const layout = { labels: labelColumn + 1, labelColumn, pixels, classes: entry.classes.length, samples }
    const each = count / members.length
    members.forEach((name, i) => targets.set(name, { ...layout, start: i * each, count: each }))
    return samples
  }
  const raw = { shape, train: allocate(names.train, train), test: allocate(names.test, test) }

  // Twice what the samples take leaves room for readme files.
  const limit = 2 * (train + test) * (pixels + 2) + (1 << 20)
  for await (const member of readTar(decompress(archive), limit)) {
    const name = member.name.slice(member.name.lastIndexOf('/') + 1)
    const target = targets.get(name)
    if (target) await readRecords(member, target)
    else if (name.endsWith('.bin')) throw invalid(`has an unexpected ${member.name}`)
    targets.delete(name)
  }
  const [missing] = targets.keys()
  if (missing !== undefined) throw invalid(`has no ${missing}`)
  return raw
}

async function readRecords ({ name, size, isFile, content }: TarMember, target: Target): Promise<void> {
  const { labels, labelColumn, pixels, classes, samples, start, count } = target
  const length = labels + pixels
  if (!isFile) throw invalid(`has ${name}, which is not a file`)
  if (size !== count * length) {
    throw invalid(`has ${size} bytes in ${name}, expected ${count} records of ${length} = ${count * length}`)
  }
  let record = start
  /** Position in the record. */
  let at = 0
  for await (const chunk of content) {
    for (let i = 0; i < chunk.length;) {
      if (at < labels) {
        const label = chunk[i++]!
        if (at++ !== labelColumn) continue
        if (label >= classes) {
          const range = `allowed are 0 to ${classes - 1}`
          throw invalid(`has label ${label} in record ${record - start} of ${name}, ${range}`)
        }
        samples.labels[record] = label
        continue
      }
      const part = chunk.subarray(i, i + length - at)
      samples.images.set(part, record * pixels + at - labels)
      i += part.length
      at += part.length
      if (at < length) continue
      at = 0
      record++
    }
  }
}

function invalid (reason: string): ServiceError {
  return new ServiceError('invalid_file', reason)
}
