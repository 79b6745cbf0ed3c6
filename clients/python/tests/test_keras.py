from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mnist_batches import Batches, Client
from mnist_batches.options import Labels

keras = pytest.importorskip("keras", reason="no keras")
try:
    keras.ops.zeros(1)
except ImportError as error:
    pytest.skip(f"no backend of keras: {error}", allow_module_level=True)

from mnist_batches.keras import dataset  # noqa: E402


class Recording(keras.Model):  # type: ignore[misc, name-defined]
    """Records the labels that each step receives."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(10)
        self.seen: list[list[int]] = []

    def call(self, images: Any) -> Any:
        return self.dense(images)

    def train_step(self, *arguments: Any) -> Any:
        self.seen.append(np.asarray(arguments[-1][1]).tolist())
        return super().train_step(*arguments)


def create(client: Client) -> tuple[Recording, Batches]:
    model = Recording()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True,
                  jit_compile=False)
    return model, Batches(client, split="test", batch_size=1000, seed=7, layout="flat")


def labels_of(client: Client, epoch: int) -> list[list[int]]:
    return [batch.labels.tolist() for batch in Batches(client, split="test", batch_size=1000, seed=7, epoch=epoch)]


EAGER = keras.backend.backend() != "jax"


@pytest.mark.skipif(not EAGER, reason="the steps of JAX are traced")
def test_fit_trains_on_the_documented_batches(client: Client) -> None:
    model, source = create(client)
    # Keras shuffles by default, which would change the order.
    model.fit(dataset(source), epochs=2, verbose=0)
    assert model.seen == labels_of(client, 0) + labels_of(client, 1)
    assert source.epoch == 2


@pytest.mark.skipif(not EAGER, reason="the steps of JAX are traced")
def test_steps_per_epoch_continue_within_the_data(client: Client) -> None:
    model, source = create(client)
    model.fit(dataset(source), epochs=6, steps_per_epoch=5, verbose=0)
    assert model.seen == labels_of(client, 0) + labels_of(client, 1) + labels_of(client, 2)


def test_evaluate_and_predict_see_every_sample_once(client: Client) -> None:
    model = keras.Sequential([keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    batches = list(Batches(client, split="test", batch_size=1000, layout="flat"))
    images, labels = (np.concatenate([getattr(batch, name) for batch in batches]) for name in ("images", "labels"))
    model.build((None, 784))
    exact = (keras.ops.convert_to_numpy(model(images)).argmax(1) == labels).mean()
    data = dataset(Batches(client, split="test", batch_size=256, layout="flat"))
    for _ in range(2):
        assert model.evaluate(data, verbose=0)[1] == pytest.approx(exact, abs=1e-6)
    assert np.array_equal(model.predict(data, verbose=0).argmax(1), keras.ops.convert_to_numpy(model(images)).argmax(1))


def test_cross_entropy_of_the_worked_example(client: Client) -> None:
    predicted = np.tile([0.1, 0.2, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.1], (10, 1))
    cases: tuple[tuple[Labels, str], ...] = (("onehot", "categorical_crossentropy"),
                                             ("index", "sparse_categorical_crossentropy"))
    for labels, function in cases:
        batch = Batches(client, split="test", batch_size=10, labels=labels)[0]
        classes = batch.labels.argmax(1) if labels == "onehot" else batch.labels
        losses = np.asarray(keras.losses.get(function)(batch.labels, predicted))
        assert (classes == 1).any()
        assert losses[classes == 1] == pytest.approx(-np.log(0.2), abs=1e-5)


def test_padding_has_no_weight(client: Client) -> None:
    source = Batches(client, split="test", batch_size=768, layout="flat", remainder="pad")
    *_, (images, labels, weights) = dataset(source).get_numpy_iterator()
    assert (images.shape, labels.shape) == ((768, 784), (768,))
    assert weights.sum() == 10_000 % 768
