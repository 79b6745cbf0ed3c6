"""tf.data: each iteration of the dataset is an epoch."""

from typing import Any

import numpy as np
from common import EPOCHS, OPTIONS, Steps, check, check_resumption, client, expected, labels_of

from mnist_batches import Batches
from mnist_batches.tensorflow import dataset


def run(epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    source = Batches(client(), **OPTIONS)
    if state is not None:
        source.load_state_dict(state)
    train = dataset(source)
    steps: Steps = []
    while source.epoch < epochs:
        for _, labels in train:
            steps.append(np.asarray(labels).tolist())
            if len(steps) == stop:
                return steps, source.state_dict()
    return steps, None


def check_labels() -> None:
    import common

    plain = common.check
    common.check = lambda cell, found, wanted, rank=0: plain(cell, found, labels_of(wanted), rank)
    check_resumption("tf.data", run)
    common.check = plain


if __name__ == "__main__":
    check_labels()
    limited = dataset(Batches(client(), **OPTIONS, advance_on_break=True)).take(5)
    found = [np.asarray(labels).tolist() for _ in range(EPOCHS) for _, labels in limited]
    check("tf.data, take(5) with advance_on_break", found,
          labels_of([step for epoch in range(EPOCHS) for step in expected(range(epoch, epoch + 1))[:5]]))
