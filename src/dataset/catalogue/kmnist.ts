import type { DatasetEntry } from '../entry.ts'

export const kmnist: DatasetEntry = {
  name: 'kmnist',
  title: 'Kuzushiji-MNIST cursive hiragana',
  description: '70,000 cursive hiragana from classical Japanese texts, 28×28, 8-bit grayscale, in ten classes: ' +
    '60,000 to train on and 10,000 to test with.',
  homepage: 'http://codh.rois.ac.jp/kmnist/',
  licence: { name: 'CC BY-SA 4.0', url: 'https://creativecommons.org/licenses/by-sa/4.0/' },
  citation: 'T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha: Deep learning for classical ' +
    'Japanese literature. arXiv:1812.01718, 2018.',
  creators: ['Tarin Clanuwat', 'Mikel Bober-Irizar', 'Asanobu Kitamoto', 'Alex Lamb', 'Kazuaki Yamamoto', 'David Ha'],
  published: '2018-12-03',
  classes: ['お', 'き', 'す', 'つ', 'な', 'は', 'ま', 'や', 'れ', 'を'],
  format: 'idx',
  files: [
    {
      name: 'train-images-idx3-ubyte',
      bytes: 47040016,
      gzip: {
        bytes: 18165135,
        md5: 'bdb82020997e1d708af4cf47b453dcf7',
        sha256: '51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4'
      }
    },
    {
      name: 'train-labels-idx1-ubyte',
      bytes: 60008,
      gzip: {
        bytes: 29497,
        md5: 'e144d726b3acfaa3e44228e80efcd344',
        sha256: 'e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17'
      }
    },
    {
      name: 't10k-images-idx3-ubyte',
      bytes: 7840016,
      gzip: {
        bytes: 3041136,
        md5: '5c965bf0a639b31b8f53240b1b52f4d7',
        sha256: 'edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5'
      }
    },
    {
      name: 't10k-labels-idx1-ubyte',
      bytes: 10008,
      gzip: {
        bytes: 5120,
        md5: '7320c461ea6c1c855c0b718fb2a4b134',
        sha256: '20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c'
      }
    }
  ],
  mirrors: ['http://codh.rois.ac.jp/kmnist/dataset/kmnist/']
}
