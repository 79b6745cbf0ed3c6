"""
Fetches pages of a large dataset, eight at a time, and compares them, bit for bit, with NumPy's.

    python3 large.py http://127.0.0.1:8080 DATASET FOLDER_OF_IDX_FILES
"""

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from augmentation import augment, sample_keys
from bits import decode, expect_array
from reference import normalize, prepare, shuffled_order

SEED, EPOCH, BATCH_SIZE, PAGES, CONNECTIONS = 7, 3, 512, 12, 8
STRENGTHS = {'rotate': 15, 'shift': 2, 'scale': 0.1, 'elastic': 34}


def main():
    base, dataset, folder = sys.argv[1:]
    prepared = prepare(folder)
    checks = itertools.product(prepared['images'], (True, False), (
        ('standard', 'float32'), ('centered', 'float32'), ('standard', 'float16'), ('raw', 'uint8')
    ), (None, STRENGTHS))
    count = 0
    for split, shuffled, (normalization, dtype), strengths in checks:
        if strengths and split != 'train':
            continue
        total = len(prepared['labels'][split])
        seed = SEED if shuffled else 0
        order = shuffled_order(total, seed, EPOCH) if shuffled else np.arange(total)
        query = {'batch_size': BATCH_SIZE, 'normalization': normalization, 'dtype': dtype, 'layout': 'nchw',
                 'labels': 'index', 'format': 'safetensors'}
        if shuffled:
            query['seed'] = seed
        if strengths:
            query['augment'] = ','.join(f'{name}:{value}' for name, value in strengths.items())
        if shuffled or strengths:
            query['epoch'] = EPOCH

        def compare(page):
            ids = order[page * BATCH_SIZE:(page + 1) * BATCH_SIZE]
            images = prepared['images'][split][ids][:, None]
            if strengths:
                images = augment(images, sample_keys(ids, seed, EPOCH), strengths)
            path = f'/v1/datasets/{dataset}/splits/{split}/batches?{urlencode({**query, "page": page})}'
            with urlopen(base + path) as response:
                arrays, _ = decode(path, 'safetensors', response.read())
            expect_array(path, 'ids', arrays['ids'], ids.astype(np.int32))
            expect_array(path, 'labels', arrays['labels'], prepared['labels'][split][ids].astype(np.int64))
            expect_array(path, 'images', arrays['images'], normalize(prepared, images, normalization).astype(dtype))
            return len(ids)

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            count += sum(pool.map(compare, np.linspace(0, (total - 1) // BATCH_SIZE, PAGES).astype(int).tolist()))
    print(f'{count:,} samples equal')


if __name__ == '__main__':
    main()
