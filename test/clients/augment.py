"""
Recomputes augmented and padded batches from the original IDX files, bit for bit.

    python3 augment.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import io
import json
import sys
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np

from augmentation import NAMES, augment, pad, sample_keys
from bits import expect, expect_array
from reference import normalize, prepare, shuffled_order

base, folder = sys.argv[1:]
prepared = prepare(folder)
# The only channel.
train = prepared['images']['train'][:, None]
EVERYTHING = {'flip': 0.5, 'rotate': 15, 'shift': 2, 'scale': 0.1, 'elastic': 34, 'noise': 10, 'cutout': 8}
STRONGEST = {'flip': 1, 'rotate': 45, 'shift': 8, 'scale': 0.5, 'elastic': 64, 'noise': 64, 'cutout': 16}


def fetch(**query):
    """Name -> array of one batch, and the address."""
    url = f'{base}/v1/datasets/mnist/splits/train/batches?{urlencode({"format": "npz", "layout": "nchw", **query})}'
    with urlopen(url) as response, np.load(io.BytesIO(response.read())) as arrays:
        return url, dict(arrays)


def check(strengths, normalization='raw', side=None, seed=None, epoch=0, **query):
    """Compares one batch with the images that NumPy augments; returns the number of samples."""
    if strengths:
        query['augment'] = ','.join(f'{name}:{strength}' for name, strength in strengths.items())
    if side:
        query['pad'] = side
    if seed is not None:
        query.update(seed=seed, epoch=epoch)
    url, batch = fetch(normalization=normalization, **query)
    ids = batch['ids']
    if seed is not None and not query.get('world_size'):
        start = query.get('page', 0) * query['batch_size']
        expect_array(url, 'ids', ids, shuffled_order(len(train), seed, epoch)[start:start + len(ids)].astype(np.int32))
    images = augment(train[ids], sample_keys(ids, seed or 0, epoch), strengths)
    statistics = dict(prepared)
    if side:
        images = pad(images, side)
        statistics['mean'] = pad(prepared['mean'], side)
    expect_array(url, 'images', batch['images'], normalize(statistics, images, normalization))
    return len(ids)


def check_gathered(ids, strengths, normalization, seed, epoch, side):
    """The same for gathered samples, in the order of their ids."""
    augmented = ','.join(f'{name}:{strength}' for name, strength in strengths.items())
    randomness = {'augment': augmented, 'seed': seed, 'epoch': epoch}
    query = {**randomness, 'normalization': normalization, 'pad': side, 'format': 'npz', 'layout': 'nchw'}
    url = f'{base}/v1/datasets/mnist/splits/train/gather?{urlencode(query)}'
    request = Request(url, json.dumps({'ids': ids.tolist()}).encode(), {'content-type': 'application/json'})
    with urlopen(request) as response, np.load(io.BytesIO(response.read())) as batch:
        expect_array(url, 'ids', batch['ids'], ids.astype(np.int32))
        statistics = {**prepared, 'mean': pad(prepared['mean'], side)}
        images = pad(augment(train[ids], sample_keys(ids, seed, epoch), strengths), side)
        expect_array(url, 'images', batch['images'], normalize(statistics, images, normalization))
    return len(ids)


samples = 0
for name in NAMES:
    for strengths in ({name: EVERYTHING[name]}, {name: STRONGEST[name]}):
        samples += check(strengths, batch_size=1000, page=7)
        samples += check(strengths, batch_size=1000, seed=42, epoch=3)
    url, batch = fetch(normalization='raw', augment=f'{name}:0')
    expect(url, 'strength 0', batch['images'].tobytes(), train[:128].tobytes())
for strengths in (EVERYTHING, STRONGEST):
    for normalization in ('raw', 'unit', 'centered', 'standard'):
        samples += check(strengths, normalization, batch_size=1000, seed=4294967295, epoch=4294967295)
        shard = {'rank': 1, 'world_size': 3, 'remainder': 'pad', 'page': 31}
        samples += check(strengths, normalization, side=32, batch_size=500, seed=1, **shard)
for normalization in ('raw', 'unit', 'centered', 'standard'):
    samples += check({}, normalization, side=32, batch_size=1000)
for normalization in ('raw', 'unit', 'centered', 'standard'):
    ids = np.random.default_rng(1).integers(len(train), size=1000)
    samples += check_gathered(ids, EVERYTHING, normalization, seed=42, epoch=3, side=32)
for page in range(12):
    samples += check(EVERYTHING, batch_size=4096, seed=7, epoch=1, page=page)
print(f'{samples:,} augmented or padded samples equal those that NumPy computes from the original files')
