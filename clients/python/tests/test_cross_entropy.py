"""The worked example of docs/tutorial.md: with a probability of 0.2 for the true class, the loss is -ln 0.2 = 1.609.

Tutorials that state 0.699 have taken the decimal logarithm.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from mnist_batches import Batches, Client

PREDICTED = np.array([0.1, 0.2, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.1])


def test_worked_example(client: Client) -> None:
    onehot, classes = (Batches(client, split="test", batch_size=10, labels=labels)[0].labels
                       for labels in ("onehot", "index"))
    losses = -(onehot * np.log(PREDICTED)).sum(1)
    assert np.allclose(losses, -np.log(PREDICTED[classes]))
    loss = losses[classes == 1][0]
    assert loss == pytest.approx(-math.log(0.2))
    assert f"{loss:.3f}" == "1.609"
    assert loss != pytest.approx(-math.log10(0.2))


def test_worked_example_with_torch(client: Client) -> None:
    torch = pytest.importorskip("torch", reason="no torch")
    scores = torch.tensor(np.log(PREDICTED)).repeat(10, 1)
    for labels in ("onehot", "index"):
        batch = Batches(client, split="test", batch_size=10, labels=labels)[0]
        targets = torch.from_numpy(batch.labels).to(scores.dtype if labels == "onehot" else torch.int64)
        losses = torch.nn.functional.cross_entropy(scores, targets, reduction="none")
        classes = batch.labels.argmax(1) if labels == "onehot" else batch.labels
        assert losses[classes == 1].tolist() == pytest.approx([1.609] * int((classes == 1).sum()), abs=5e-4)
