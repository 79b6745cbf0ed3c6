from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mnist_batches import Batches, Client

keras = pytest.importorskip("keras", reason="no keras")
try:
    keras.ops.zeros(1)
except ImportError as error:
    pytest.skip(f"no backend of keras: {error}", allow_module_level=True)

from mnist_batches.keras import PyDataset  # noqa: E402


@pytest.mark.parametrize("workers", [0, 4])
def test_fit_sees_every_sample_once_per_epoch(client: Client, workers: int) -> None:
    labels_seen: dict[tuple[int, int], Any] = {}

    class Recording(PyDataset):
        def __getitem__(self, index: int) -> Any:
            epoch = source.epoch
            images, labels = super().__getitem__(index)
            labels_seen[epoch, index] = labels
            return images, labels

    source = Batches(client, split="test", batch_size=1000, seed=7, layout="flat")
    model = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(Recording(source, workers=workers), epochs=2, verbose=0)
    assert source.epoch == 2
    expected = Batches(client, split="test", batch_size=1000, seed=7)
    for epoch in range(2):
        for index, batch in enumerate(expected):
            assert np.array_equal(labels_seen[epoch, index], batch.labels)


def test_cross_entropy_of_the_worked_example(client: Client) -> None:
    predicted = np.tile([0.1, 0.2, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.1], (10, 1))
    for labels, function in (("onehot", "categorical_crossentropy"), ("index", "sparse_categorical_crossentropy")):
        batch = Batches(client, split="test", batch_size=10, labels=labels)[0]
        classes = batch.labels.argmax(1) if labels == "onehot" else batch.labels
        losses = np.asarray(keras.losses.get(function)(batch.labels, predicted))
        assert (classes == 1).any()
        assert losses[classes == 1] == pytest.approx(-np.log(0.2), abs=1e-5)


def test_padding_has_no_weight(client: Client) -> None:
    source = Batches(client, split="test", batch_size=768, layout="flat", remainder="pad")
    images, labels, weights = PyDataset(source)[len(source) - 1]
    assert (images.shape, labels.shape) == ((768, 784), (768,))
    assert weights.sum() == 10_000 % 768
