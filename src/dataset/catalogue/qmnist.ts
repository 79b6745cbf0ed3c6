import type { DatasetEntry } from '../entry.ts'
import { digits } from './classes.ts'

/** Labels are rows of eight numbers: the class, then the origin of the digit. */
export const qmnist: DatasetEntry = {
  name: 'qmnist',
  title: 'QMNIST handwritten digits',
  description: 'MNIST, reconstructed from the NIST forms, 28×28, 8-bit grayscale: 60,000 to train on and 60,000 ' +
    'to test with, of which MNIST has 10,000.',
  homepage: 'https://github.com/facebookresearch/qmnist',
  licence: { name: 'BSD-3-Clause', url: 'https://opensource.org/license/bsd-3-clause' },
  citation: 'C. Yadav, L. Bottou: Cold case: the lost MNIST digits. NeurIPS 2019.',
  creators: ['Chhavi Yadav', 'Léon Bottou'],
  published: '2019-05-25',
  classes: digits,
  format: 'idx',
  files: [
    {
      name: 'qmnist-train-images-idx3-ubyte',
      bytes: 47040016,
      gzip: {
        md5: 'ed72d4157d28c017586c42bc6afe6370',
        sha256: '9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d'
      }
    },
    {
      name: 'qmnist-train-labels-idx2-int',
      bytes: 1920012,
      gzip: {
        md5: '0058f8dd561b90ffdd0f734c6a30e5e4',
        sha256: '2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f'
      }
    },
    {
      name: 'qmnist-test-images-idx3-ubyte',
      bytes: 47040016,
      gzip: {
        md5: '1394631089c404de565df7b7aeaf9412',
        sha256: '43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375'
      }
    },
    {
      name: 'qmnist-test-labels-idx2-int',
      bytes: 1920012,
      gzip: {
        md5: '5b5b05890a5e13444e108efe57b788aa',
        sha256: '9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06'
      }
    }
  ],
  mirrors: ['https://raw.githubusercontent.com/facebookresearch/qmnist/master/'],
  adjustments: { labelColumn: 0 }
}
