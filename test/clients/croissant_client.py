"""
Reads the Croissant description with MLCommons' own library, which must find no fault with it, and loads records.

    python3 croissant_client.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import itertools
import os
import sys
import tempfile
from urllib.request import urlopen

# Downloads must not outlive the test.
cache = tempfile.TemporaryDirectory()
os.environ['CROISSANT_CACHE'] = cache.name

import mlcroissant as mlc
import numpy as np

from reference import read_idx

base, folder = sys.argv[1:]
TRAIN = 48_000

dataset = mlc.Dataset(f'{base}/v1/datasets/mnist/croissant')
metadata = dataset.metadata
issues = metadata.ctx.issues
assert not issues.errors and not issues.warnings, issues.report()
assert metadata.ctx.is_v1_1()
print(f'valid Croissant 1.1: {metadata.name}, version {metadata.version}, {len(metadata.record_sets)} record sets')

labels = {'train': read_idx(folder, 'train-labels-idx1-ubyte'), 'test': read_idx(folder, 't10k-labels-idx1-ubyte')}
labels = {'train': labels['train'][:TRAIN], 'val': labels['train'][TRAIN:], 'test': labels['test']}
images = {'train': read_idx(folder, 'train-images-idx3-ubyte'), 'test': read_idx(folder, 't10k-images-idx3-ubyte')}

classes = {record['classes/label']: record['classes/name'] for record in dataset.records('classes')}
assert len(classes) == 10, classes

for split, expected in labels.items():
    found = [record[f'{split}/labels/label'] for record in dataset.records(f'{split}/labels')]
    assert np.array_equal(found, expected), split
    print(f'{split}: {len(found)} labels equal to those of the IDX file')

for name, split, start in (('train/images/0', 'train', 0), ('test/images/2', 'test', 8192)):
    records = list(itertools.islice(dataset.records(name), 64))
    assert [record[f'{name}/id'] for record in records] == list(range(start, start + 64))
    loaded = np.array([record[f'{name}/image'] for record in records], dtype=np.uint8)
    assert np.array_equal(loaded.reshape(-1, 28, 28), images[split][start:start + 64])
    assert [record[f'{name}/label'] for record in records] == labels[split][start:start + 64].tolist()
    print(f'{name}: {loaded.shape} images equal to those of the IDX file')

# mlcroissant has no reader for IDX, but its hashes are those of the files.
originals = [file for file in metadata.distribution if file.encoding_formats == ['application/octet-stream']]
assert len(originals) == 4
with urlopen(originals[3].content_url) as response:
    assert response.headers['ETag'] == f'"{originals[3].sha256}"'
