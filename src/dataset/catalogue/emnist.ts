import type { Adjustments, DatasetEntry, FileEntry } from '../entry.ts'
import { capitals, digits, distinctSmallLetters, smallLetters } from './classes.ts'

/** The one zip that has all of them. Its images lie on their side: they are stored column by column. */
const archive = {
  url: 'https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip',
  folder: 'gzip/',
  bytes: 561753746,
  md5: '58c8d27c78d21e728a6bc7b3cc06412e',
  sha256: 'fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e'
}

export const emnist: readonly DatasetEntry[] = [
  split('byclass', 'digits and letters, small ones apart', [697932, 116323], [...digits, ...capitals, ...smallLetters]),
  split('bymerge', 'digits and letters, small ones merged with capitals that look the same', [697932, 116323], [...digits, ...capitals, ...distinctSmallLetters]),
  split('balanced', 'digits and letters, as many of each class', [112800, 18800], [...digits, ...capitals, ...distinctSmallLetters]),
  split('letters', 'letters, small ones and capitals together', [124800, 20800], capitals, { firstLabel: 1 }),
  split('digits', 'digits', [240000, 40000], digits),
  split('mnist', 'digits, as many as MNIST has', [60000, 10000], digits)
]

function split (name: string, what: string, [train, test]: readonly [number, number], classes: readonly string[], adjustments: Adjustments = {}): DatasetEntry {
  const file = (part: string, kind: string, ...dimensions: number[]): FileEntry => ({ name: `emnist-${name}-${part}-${kind}-ubyte`, dimensions })
  return {
    name: `emnist-${name}`,
    title: `EMNIST ${name}: handwritten ${what}`,
    description: `Handwritten ${what}, 28×28, 8-bit grayscale, in ${classes.length} classes.`,
    homepage: 'https://www.nist.gov/itl/products-and-services/emnist-dataset',
    licence: { name: 'public domain', url: 'https://www.nist.gov/open/copyright-fair-use-and-licensing-statements-srd-data-software-and-technical-series-publications' },
    citation: 'G. Cohen, S. Afshar, J. Tapson, A. van Schaik: EMNIST: an extension of MNIST to handwritten letters. arXiv:1702.05373, 2017.',
    classes,
    files: {
      trainImages: file('train', 'images-idx3', train, 28, 28),
      trainLabels: file('train', 'labels-idx1', train),
      testImages: file('test', 'images-idx3', test, 28, 28),
      testLabels: file('test', 'labels-idx1', test)
    },
    mirrors: [],
    archive,
    adjustments: { transposed: true, ...adjustments }
  }
}
