from __future__ import annotations

import numpy as np
import pytest

from mnist_batches import Batches, Client, epoch_order

tf = pytest.importorskip("tensorflow", reason="no tensorflow")

from mnist_batches.tensorflow import dataset  # noqa: E402


def test_element_spec(client: Client) -> None:
    keep = dataset(Batches(client, batch_size=100, layout="nhwc", labels="onehot"))
    assert keep.element_spec == (tf.TensorSpec((None, 28, 28, 1), tf.float32), tf.TensorSpec((None, 10), tf.float32))
    pad = dataset(Batches(client, batch_size=100, remainder="pad"))
    assert pad.element_spec == (tf.TensorSpec((100, 1, 28, 28), tf.float32), tf.TensorSpec((100,), tf.int64),
                                tf.TensorSpec((100,), tf.uint8))


def test_each_iteration_is_an_epoch(client: Client) -> None:
    source = Batches(client, split="test", batch_size=1000, seed=7)
    batches = dataset(source)
    labels = client.gather("mnist", "test", epoch_order(10_000, 7, 0)[:4096], labels="index").labels
    first, second = (np.concatenate([batch[1].numpy() for batch in batches]) for _ in range(2))
    assert np.array_equal(first[:4096], labels)
    assert not np.array_equal(first, second)
    assert np.array_equal(np.bincount(first), np.bincount(second))
    assert source.epoch == 2
