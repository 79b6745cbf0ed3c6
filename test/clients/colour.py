"""
Recomputes what a server says about colour images, and sends of them, from the original pixels, bit for bit.

    python3 colour.py http://127.0.0.1:8080 FOLDER_OF_NPY_FILES [--denoise median3]
"""

import argparse
import io
import itertools
import json
import os
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from augmentation import NAMES, augment, pad, sample_keys
from bits import decode, expect, expect_array
from mnist_batches import Batches, Client
from reference import gaussian, level_statistics, mean_image, median3, normalize, partition, shuffled_order

STRENGTHS = {'flip': 0.5, 'rotate': 15, 'shift': 2, 'scale': 0.1, 'elastic': 34, 'noise': 10, 'cutout': 3}
NORMALIZATIONS = ('raw', 'unit', 'centered', 'standard')
SEED, EPOCH, BATCH_SIZE = 7, 3, 50


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('base')
    parser.add_argument('folder', help='of {train,test}-images.npy, uint8 [n, 3, rows, columns], and labels')
    parser.add_argument('--denoise', default='none')
    options = parser.parse_args()
    prepared = prepare(options.folder, options.denoise)
    server = Server(options.base)
    check_documents(server, prepared)
    count = sum(check_batch(server, prepared, **query) for query in queries())
    count += check_stream(server, prepared)
    count += check_client(server, prepared)
    shape = '×'.join(map(str, prepared['mean'].shape))
    print(f'{count:,} samples of {shape}, denoise {options.denoise}, equal those that NumPy computes from the originals')


def prepare(folder, denoise):
    """As reference.prepare, of images uint8 [n, 3, rows, columns]; mu and sigma float32 [3, 1, 1]."""
    def load(name):
        return np.load(os.path.join(folder, f'{name}.npy'))

    def denoised(images):
        planes = images.reshape(-1, *images.shape[2:])
        denoiser = {'none': lambda images: images, 'median3': median3, 'gaussian': gaussian}[denoise]
        return denoiser(planes).reshape(images.shape)

    images, labels = load('train-images'), load('train-labels')
    train, val = partition(labels, 'contiguous', '0.2', 0)
    labels = {'train': labels[train], 'val': labels[val], 'test': load('test-labels')}
    images = {'train': denoised(images[train]), 'val': denoised(images[val]), 'test': denoised(load('test-images'))}
    statistics = {name: [level_statistics(images[name][:, channel]) for channel in range(3)] for name in images}
    mu, sigma = (np.array(values, np.float32)[:, None, None] for values in zip(*statistics['train']))
    return {'images': images, 'labels': labels, 'statistics': statistics, 'mean': mean_image([images['train']]),
            'mu': mu, 'sigma': sigma}


class Server:
    def __init__(self, base):
        self.base = base
        self.dataset = json.loads(self.get('/v1/datasets'))['datasets'][0]['name']

    def get(self, path, **query):
        with urlopen(f'{self.base}{path}?{urlencode(query)}') as response:
            return response.read()

    def path(self, resource=''):
        return f'/v1/datasets/{self.dataset}{resource}'


def check_documents(server, prepared):
    mean = prepared['mean']
    description = json.loads(server.get(server.path()))
    expect('the description', 'shape', description['shape'], list(mean.shape))
    standard = {'mean': prepared['mu'].ravel().tolist(), 'std': prepared['sigma'].ravel().tolist()}
    expect('the description', 'standard', description['preparation']['standard'], standard)
    as_npy = np.load(io.BytesIO(server.get(server.path('/mean'), format='npy')))
    expect_array('/mean', 'the mean image as NPY', as_npy, mean)
    as_json = json.loads(server.get(server.path('/mean'), format='json'))
    expect_array('/mean', 'the mean image as JSON', np.array(as_json['mean'], np.float32), mean)
    for name, images in prepared['images'].items():
        split = json.loads(server.get(server.path(f'/splits/{name}')))
        means, stds = zip(*prepared['statistics'][name])
        expect(name, 'pixels', split['pixels'], {'mean': list(means), 'std': list(stds)})
        statistics = json.loads(server.get(server.path(f'/splits/{name}/statistics')))
        levels = [np.bincount(images[:, channel].ravel(), minlength=256).tolist() for channel in range(3)]
        expect(name, 'levels', statistics['levels'], levels)
        for found in statistics['classes']:
            of_class = images[prepared['labels'][name] == found['label']] / 255
            expect(name, 'count', found['count'], len(of_class))
            if len(of_class) > 0:
                for statistic, want in (('mean', of_class.mean(0)), ('variance', of_class.var(0))):
                    if not np.allclose(found[statistic], want, rtol=0, atol=1e-6):
                        raise SystemExit(f'DIFFERENT: {name}, {statistic} of class {found["label"]}')


def queries():
    """Every normalization, dtype, layout and padding, plain and augmented, in each format and by each augmentation."""
    everything = {name: STRENGTHS[name] for name in NAMES}
    for normalization, layout, side in itertools.product(NORMALIZATIONS, ('flat', 'nchw', 'nhwc'), (None, 32)):
        common = {'normalization': normalization, 'layout': layout, 'side': side}
        for dtype in ('uint8',) if normalization == 'raw' else ('float32', 'float16'):
            yield {**common, 'dtype': dtype, 'strengths': {}}
            yield {**common, 'dtype': dtype, 'strengths': everything}
        for format in ('json', 'npz'):
            yield {**common, 'format': format, 'strengths': everything}
    for name in NAMES:
        yield {'strengths': {name: STRENGTHS[name]}}


def laid_out(images, layout):
    """[n, channels, rows, columns] in a layout."""
    return {'flat': images.reshape(len(images), -1), 'nchw': images, 'nhwc': np.moveaxis(images, 1, -1)}[layout]


def expected(prepared, ids, normalization, layout, dtype, side, strengths):
    images = augment(prepared['images']['train'][ids], sample_keys(ids, SEED, EPOCH), strengths)
    statistics = prepared
    if side:
        images, statistics = pad(images, side), {**prepared, 'mean': pad(prepared['mean'], side)}
    images = np.ascontiguousarray(laid_out(normalize(statistics, images, normalization), layout))
    return images.astype(dtype) if dtype else images


def check_batch(server, prepared, strengths, normalization='raw', layout='nchw', dtype=None, side=None,
                format='safetensors'):
    """Compares a shuffled batch; returns the number of samples."""
    total = len(prepared['labels']['train'])
    ids = shuffled_order(total, SEED, EPOCH)[BATCH_SIZE:2 * BATCH_SIZE]
    query = {'batch_size': BATCH_SIZE, 'page': 1, 'seed': SEED, 'epoch': EPOCH, 'normalization': normalization,
             'layout': layout, 'dtype': dtype, 'pad': side, 'format': format,
             'augment': ','.join(f'{name}:{strength}' for name, strength in strengths.items())}
    query = {name: value for name, value in query.items() if value}
    arrays, _ = decode(str(query), format, server.get(server.path('/splits/train/batches'), **query))
    expect_array(str(query), 'ids', arrays['ids'], ids.astype(np.int32))
    want = expected(prepared, ids, normalization, layout, dtype, side, strengths)
    expect_array(str(query), 'images', arrays['images'], want)
    return len(ids)


def check_stream(server, prepared):
    """An epoch as lines of JSON, interleaved and standardized."""
    query = {'batch_size': BATCH_SIZE, 'normalization': 'standard', 'layout': 'nhwc', 'format': 'ndjson'}
    *pages, end = map(json.loads, server.get(server.path('/splits/train/stream'), **query).splitlines())
    images = np.array([image for page in pages for image in page['images']]).astype(np.float32)
    ids = np.arange(len(prepared['labels']['train']))
    want = expected(prepared, ids, 'standard', 'nhwc', None, None, {})
    expect_array('/stream', 'images', images, want)
    expect('/stream', 'samples', end['samples'], len(ids))
    return len(ids)


def check_client(server, prepared):
    """The client's own arithmetic on raw pixels."""
    client = Client(server.base)
    dataset = client.dataset(server.dataset)
    expect('the client', 'shape', dataset.shape, prepared['mean'].shape)
    expect('the client', 'mean', dataset.mean, tuple(prepared['mu'].ravel().tolist()))
    count = 0
    for normalization, layout, side in itertools.product(NORMALIZATIONS, ('flat', 'nchw', 'nhwc'), (None, 32)):
        batches = Batches(client, server.dataset, 'train', batch_size=BATCH_SIZE, normalization=normalization,
                          layout=layout, pad=side, wire='raw', rank=0, world_size=1)
        for batch in itertools.islice(batches, 2):
            want = expected(prepared, batch.ids, normalization, layout, None, side, {})
            expect_array(f'the client, {normalization}, {layout}, {side}', 'images', batch.images, want)
            count += len(batch.ids)
    return count


if __name__ == '__main__':
    main()
