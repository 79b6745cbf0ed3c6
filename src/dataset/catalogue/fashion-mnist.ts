import type { DatasetEntry } from '../entry.ts'

export const fashionMnist: DatasetEntry = {
  name: 'fashion-mnist',
  title: 'Fashion-MNIST articles of clothing',
  description: '70,000 pictures of clothing, 28×28, 8-bit grayscale, in ten classes: 60,000 to train on and ' +
    '10,000 to test with. A harder replacement for MNIST.',
  homepage: 'https://github.com/zalandoresearch/fashion-mnist',
  licence: { name: 'MIT', url: 'https://opensource.org/license/mit' },
  citation: 'H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine learning ' +
    'algorithms. arXiv:1708.07747, 2017.',
  creators: ['Han Xiao', 'Kashif Rasul', 'Roland Vollgraf'],
  published: '2017-08-25',
  classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  format: 'idx',
  files: [
    {
      name: 'train-images-idx3-ubyte',
      bytes: 47040016,
      sha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      gzip: {
        bytes: 26421880,
        md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
        sha256: '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
        header: { name: 'train-images-idx3-ubyte', mtime: 1504176606 }
      }
    },
    {
      name: 'train-labels-idx1-ubyte',
      bytes: 60008,
      sha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
      gzip: {
        bytes: 29515,
        md5: '25c81989df183df01b3e8a0aad5dffbe',
        sha256: 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
        header: { name: 'train-labels-idx1-ubyte', mtime: 1504176606 }
      }
    },
    {
      name: 't10k-images-idx3-ubyte',
      bytes: 7840016,
      sha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      gzip: {
        bytes: 4422102,
        md5: 'bef4ecab320f06d8554ea6380940ec79',
        sha256: '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
        header: { name: 't10k-images-idx3-ubyte', mtime: 1504176627 }
      }
    },
    {
      name: 't10k-labels-idx1-ubyte',
      bytes: 10008,
      sha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
      gzip: {
        bytes: 5148,
        md5: 'bb300cfdad3c16e7a12a480ee83cd310',
        sha256: '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
        header: { name: 't10k-labels-idx1-ubyte', mtime: 1504176627 }
      }
    }
  ],
  mirrors: [
    'https://fashion-mnist.s3.eu-central-1.amazonaws.com/',
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
    'https://storage.googleapis.com/tensorflow/tf-keras-datasets/'
  ]
}
