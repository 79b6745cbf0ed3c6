"""
Loads batches into TensorFlow from the bytes of a response.

    python3 tensorflow_client.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import io
import sys
from urllib.request import urlopen

import numpy as np
import tensorflow as tf

from reference import read_idx

base, folder = sys.argv[1:]
BATCH = f'{base}/v1/datasets/mnist/splits/test/batches?batch_size=300&normalization=unit&layout=nhwc&format=npz'

images = read_idx(folder, 't10k-images-idx3-ubyte')[:300, :, :, None].astype(np.float32) / np.float32(255)
classes = read_idx(folder, 't10k-labels-idx1-ubyte')[:300]


def fetch(labels):
    """Name -> array of the first batch."""
    with urlopen(f'{BATCH}&labels={labels}') as response:
        with np.load(io.BytesIO(response.read())) as arrays:
            return dict(arrays)


def as_tensors(arrays):
    """images float32 [300, 28, 28, 1], labels float32 [300, 10], ids int32 [300]."""
    tensors = {name: tf.constant(array) for name, array in arrays.items()}
    assert tensors['images'].dtype == tf.float32 and tensors['images'].shape == (300, 28, 28, 1)
    assert tensors['labels'].dtype == tf.float32 and tensors['labels'].shape == (300, 10)
    assert tensors['ids'].dtype == tf.int32 and tensors['ids'].shape == (300,)
    assert tensors['images'].numpy().tobytes() == images.tobytes()
    assert tf.reduce_all(tf.equal(tf.argmax(tensors['labels'], axis=1), tf.constant(classes, tf.int64)))
    loss = tf.nn.softmax_cross_entropy_with_logits(tensors['labels'], tf.zeros((300, 10)))
    assert abs(float(tf.reduce_mean(loss)) - np.log(10)) < 1e-5
    print(f'tf.constant: {tuple(tensors["images"].shape)} {tensors["images"].dtype.name} equal to the IDX file')


def as_dataset(arrays):
    """Batches of at most 128: images float32 [n, 28, 28, 1], labels int64 [n]."""
    dataset = tf.data.Dataset.from_tensor_slices((arrays['images'], arrays['labels'])).batch(128)
    seen = 0
    for x, y in dataset:
        assert x.dtype == tf.float32 and y.dtype == tf.int64
        assert x.numpy().tobytes() == images[seen:seen + 128].tobytes()
        assert np.array_equal(y.numpy(), classes[seen:seen + 128])
        seen += len(y)
    assert seen == 300
    print(f'tf.data: {seen} samples equal to the IDX file')


as_tensors(fetch('onehot'))
as_dataset(fetch('index'))
