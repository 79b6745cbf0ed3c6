import type { Adjustments, DatasetEntry, FileEntry } from '../entry.ts'

const vehiclesAndAnimals = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ')

/** The fine labels, in the second column; the first one has the superclasses. */
const fine = (
  'apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can ' +
  'castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin ' +
  'elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster ' +
  'man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck ' +
  'pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk ' +
  'skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger ' +
  'tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm'
).split(' ')

export const cifar: readonly DatasetEntry[] = [
  dataset('cifar-10', 'vehicles and animals', vehiclesAndAnimals, {
    name: 'cifar-10-binary.tar.gz',
    bytes: 170052171,
    sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd'
  }, ['https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/']),
  dataset('cifar-100', 'things, animals and people', fine, {
    name: 'cifar-100-binary.tar.gz',
    bytes: 168513733,
    sha256: '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec'
  }, [], { labelColumn: 1 })
]

/** @param mirrors besides the publisher's own site */
function dataset (
  name: string,
  content: string,
  classes: readonly string[],
  file: FileEntry,
  mirrors: readonly string[],
  adjustments?: Adjustments
): DatasetEntry {
  return {
    name,
    title: `${name.toUpperCase()} pictures of ${content}`,
    description: `60,000 pictures of ${content}, 32×32, 8-bit RGB, in ${classes.length} classes: 50,000 to train on ` +
      'and 10,000 to test with.',
    homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    licence: { name: 'not stated', url: '' },
    citation: 'A. Krizhevsky: Learning multiple layers of features from tiny images. Technical report, University of ' +
      'Toronto, 2009.',
    creators: ['Alex Krizhevsky', 'Vinod Nair', 'Geoffrey Hinton'],
    published: '2009-04-08',
    classes,
    format: 'cifar',
    files: [{ ...file, plain: true }],
    layout: { shape: { channels: 3, rows: 32, columns: 32 }, train: 50000, test: 10000 },
    mirrors: ['https://www.cs.toronto.edu/~kriz/', ...mirrors],
    ...(adjustments && { adjustments })
  }
}
