import type { Adjustments, DatasetEntry, FileEntry } from '../entry.ts'
import { capitals, digits, distinctSmallLetters, smallLetters } from './classes.ts'

/** One zip with all EMNIST datasets. Its images are stored column by column. */
const archive = {
  url: 'https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip',
  folder: 'gzip/',
  bytes: 561753746,
  md5: '58c8d27c78d21e728a6bc7b3cc06412e',
  sha256: 'fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e'
}

const licenceUrl = 'https://www.nist.gov/open/' +
  'copyright-fair-use-and-licensing-statements-srd-data-software-and-technical-series-publications'

const separateCase = [...digits, ...capitals, ...smallLetters]
const mergedCase = [...digits, ...capitals, ...distinctSmallLetters]

export const emnist: readonly DatasetEntry[] = [
  dataset('byclass', 'digits, capital and small letters', [697932, 116323], separateCase),
  dataset('bymerge', 'digits and letters, look-alike small and capital letters merged', [697932, 116323], mergedCase),
  dataset('balanced', 'digits and letters, equally many of each class', [112800, 18800], mergedCase),
  dataset('letters', 'letters, capital and small ones merged', [124800, 20800], capitals, { firstLabel: 1 }),
  dataset('digits', 'digits', [240000, 40000], digits),
  dataset('mnist', 'digits, equally many as in MNIST', [60000, 10000], digits)
]

/** Declares one dataset of the archive; `train` and `test` are sample counts. */
function dataset (
  name: string,
  content: string,
  [train, test]: readonly [number, number],
  classes: readonly string[],
  adjustments: Adjustments = {}
): DatasetEntry {
  const files = (split: string, count: number): FileEntry[] => [
    { name: `emnist-${name}-${split}-images-idx3-ubyte`, bytes: 16 + 28 * 28 * count },
    { name: `emnist-${name}-${split}-labels-idx1-ubyte`, bytes: 8 + count }
  ]
  return {
    name: `emnist-${name}`,
    title: `EMNIST ${name}: handwritten ${content}`,
    description: `Handwritten ${content}, 28×28, 8-bit grayscale, in ${classes.length} classes.`,
    homepage: 'https://www.nist.gov/itl/products-and-services/emnist-dataset',
    licence: { name: 'public domain', url: licenceUrl },
    citation: 'G. Cohen, S. Afshar, J. Tapson, A. van Schaik: EMNIST: an extension of MNIST to handwritten letters. ' +
      'arXiv:1702.05373, 2017.',
    creators: ['Gregory Cohen', 'Saeed Afshar', 'Jonathan Tapson', 'André van Schaik'],
    published: '2017-02-17',
    classes,
    format: 'idx',
    files: [...files('train', train), ...files('test', test)],
    mirrors: [],
    archive,
    adjustments: { transposed: true, ...adjustments }
  }
}
