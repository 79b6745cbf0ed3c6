"""
Recomputes the order of epochs and each shard's run of it, from docs/reproducibility.md alone.

    python3 shards.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import sys
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
from safetensors.numpy import load

from bits import expect, expect_array
from reference import read_idx, shuffled_order

base, folder = sys.argv[1:]
BATCHES = f'{base}/v1/datasets/mnist/splits/test/batches'
TOTAL = 10000

images = read_idx(folder, 't10k-images-idx3-ubyte').reshape(-1, 784)
classes = read_idx(folder, 't10k-labels-idx1-ubyte')


def order_of(seed, epoch):
    return np.arange(TOTAL) if seed is None else shuffled_order(TOTAL, seed, epoch)


def expected(order, page, rank, world_size, batch_size, remainder):
    """Ids of one batch and the mask of its samples, which excludes padding; None beyond the last page."""
    global_size = world_size * batch_size
    if page >= (TOTAL // global_size if remainder == 'drop' else -(-TOTAL // global_size)):
        return None
    start = (page * world_size + rank) * batch_size
    if remainder != 'pad':
        ids = order[start:start + batch_size]
        return ids, np.ones(len(ids), np.uint8)
    positions = start + np.arange(batch_size)
    return order[positions % TOTAL], (positions < TOTAL).astype(np.uint8)


def check_rank(order, rank, **query):
    """Compares all pages of one rank; returns the ids of its samples, without padding."""
    shard = {'rank': rank, **{name: query[name] for name in ('world_size', 'batch_size', 'remainder')}}
    seen = []
    page = 0
    while True:
        preparation = {'normalization': 'raw', 'labels': 'index', 'format': 'safetensors'}
        url = f'{BATCHES}?{urlencode({**query, "rank": rank, "page": page, **preparation})}'
        want = expected(order, page, **shard)
        if want is None:
            try:
                urlopen(url)
            except HTTPError as error:
                expect(url, 'the status beyond the last page', error.code, 404)
                return seen
            expect(url, 'the number of pages', 'more', page)
        ids, mask = want
        with urlopen(url) as response:
            batch = load(response.read())
        expect_array(url, 'ids', batch['ids'], ids.astype(np.int32))
        expect_array(url, 'images', batch['images'], images[ids])
        expect_array(url, 'labels', batch['labels'], classes[ids].astype(np.int64))
        expect(url, 'mask', 'mask' in batch, query['remainder'] == 'pad')
        if 'mask' in batch:
            expect_array(url, 'mask', batch['mask'], mask)
        seen += ids[mask == 1].tolist()
        page += 1


epochs = 0
for seed, epoch in ((None, 0), (0, 0), (42, 3), (4294967295, 4294967295)):
    order = order_of(seed, epoch)
    shuffle = {} if seed is None else {'seed': seed, 'epoch': epoch}
    for world_size, batch_size in ((1, 4096), (3, 1000), (7, 313)):
        for remainder in ('keep', 'drop', 'pad'):
            query = {'world_size': world_size, 'batch_size': batch_size, 'remainder': remainder, **shuffle}
            seen = []
            for rank in range(world_size):
                seen += check_rank(order, rank, **query)
            global_size = world_size * batch_size
            used = TOTAL // global_size * global_size if remainder == 'drop' else TOTAL
            expect(f'{query}', 'samples of all ranks', sorted(seen), sorted(order[:used].tolist()))
            epochs += 1
print(f'{epochs} epochs, all ranks: ids, images, labels and masks equal those that NumPy computes')
