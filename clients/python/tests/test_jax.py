from __future__ import annotations

import numpy as np
import pytest

from mnist_batches import Batches, Client

jax = pytest.importorskip("jax", reason="no jax")

from mnist_batches.jax import batches  # noqa: E402


def test_batches_are_arrays_on_a_device(client: Client) -> None:
    source = Batches(client, split="test", batch_size=1000, seed=7)
    expected = list(Batches(client, split="test", batch_size=1000, seed=7))
    for number, batch in enumerate(batches(source), 1):
        assert isinstance(batch.images, jax.Array)
        assert np.array_equal(batch.images, expected[number - 1].images)
        assert np.array_equal(batch.labels, expected[number - 1].labels)
        assert source.state_dict()["offset"] == number * 1000 % 10_000, "what was delivered, not what was copied"
    assert number == 10
    device = jax.devices()[0]
    assert next(batches(source, device)).images.devices() == {device}
