"""
Reads batches and a stream of batches with pyarrow, as tensors that are views of the response.

    python3 arrow_client.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import sys
from urllib.request import urlopen

import numpy as np
import pyarrow as pa

from reference import read_idx, shuffled_order

base, folder = sys.argv[1:]
SPLIT = f'{base}/v1/datasets/mnist/splits/test'

images = read_idx(folder, 't10k-images-idx3-ubyte')
classes = read_idx(folder, 't10k-labels-idx1-ubyte')
unit = images.astype(np.float32) / np.float32(255)


def tensor(column):
    """A column of fixed-shape tensors -> array [n, ...], which must not be a copy."""
    assert isinstance(column.type, pa.FixedShapeTensorType), column.type
    array = column.to_numpy_ndarray()
    assert not array.flags.owndata
    return array


def batch(layout, shape):
    """One batch: images float32 [300, *shape], labels float32 [300, 10], ids int32 [300]."""
    with urlopen(f'{SPLIT}/batches?batch_size=300&page=1&normalization=unit&layout={layout}&format=arrow') as response:
        reader = pa.ipc.open_stream(response.read())
    metadata = reader.schema.metadata
    assert metadata[b'dataset'] == b'mnist' and metadata[b'page'] == b'1' and metadata[b'pages'] == b'34'
    records, = reader
    records.validate(full=True)
    assert tensor(records['images']).shape == (300, *shape)
    assert tensor(records['images']).tobytes() == unit[300:600].tobytes()
    assert np.array_equal(tensor(records['labels']), np.eye(10, dtype=np.float32)[classes[300:600]])
    assert records['ids'].type == pa.int32() and records['ids'].to_pylist() == list(range(300, 600))
    print(f'batch: {records["images"].type} equal to the IDX file')


def stream():
    """A shuffled, padded epoch from its third page, read while it arrives."""
    order = shuffled_order(10000, seed=5, epoch=2)
    ordering = 'batch_size=512&page=2&seed=5&epoch=2&remainder=pad'
    preparation = 'normalization=raw&layout=nchw&labels=index'
    with urlopen(f'{SPLIT}/stream?{ordering}&{preparation}&format=arrow') as response:
        reader = pa.ipc.open_stream(response)
        assert reader.schema.metadata[b'seed'] == b'5' and b'page' not in reader.schema.metadata
        pages = list(reader.iter_batches_with_custom_metadata())
        assert response.read() == b''
    assert [int(custom_metadata[b'page']) for _, custom_metadata in pages] == list(range(2, 20))
    mask = np.concatenate([records['mask'].to_numpy() for records, _ in pages]).astype(bool)
    assert [len(records) for records, _ in pages] == [512] * 18 and mask.sum() == 10000 - 2 * 512
    expected = np.concatenate([order, order])[1024:1024 + len(mask)]
    assert np.array_equal(np.concatenate([records['ids'].to_numpy() for records, _ in pages]), expected)
    received = np.concatenate([tensor(records['images']) for records, _ in pages])
    assert np.array_equal(received, images[expected][:, None])
    labels = pa.chunked_array([records['labels'] for records, _ in pages])
    assert labels.type == pa.int64() and np.array_equal(labels.to_numpy(), classes[expected])
    print(f'stream: {len(pages)} record batches, {mask.sum()} samples equal to the IDX file in the order of the seed')


batch('flat', (784,))
batch('nhwc', (28, 28, 1))
batch('nchw', (1, 28, 28))
stream()
