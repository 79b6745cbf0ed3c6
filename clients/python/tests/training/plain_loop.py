"""A loop over NumPy arrays, and one over the loader of PyTorch."""

from typing import Any

from common import EPOCHS, OPTIONS, Steps, check, check_resumption, client, expected, steps_of_epoch

from mnist_batches import Batches
from mnist_batches.torch import loader


def run_numpy(epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    return run(Batches(client(), **OPTIONS), lambda batch: batch.ids, epochs, stop, state)


def run_loader(epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    return run(loader(client(), **OPTIONS, with_ids=True), lambda batch: batch[2], epochs, stop, state)


def run(train: Any, ids_of: Any, epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    if state is not None:
        train.load_state_dict(state)
    steps: Steps = []
    while train.epoch < epochs:
        for batch in train:
            steps.append(ids_of(batch).tolist())
            if len(steps) == stop:
                return steps, train.state_dict()
    return steps, train.state_dict()


def run_cut_short(train: Any, limit: int) -> Steps:
    steps: Steps = []
    for _ in range(EPOCHS):
        for number, batch in enumerate(train, 1):
            steps.append(batch[2].tolist())
            if number == limit:
                break
    return steps


if __name__ == "__main__":
    check_resumption("plain loop, NumPy", run_numpy)
    check_resumption("plain loop, PyTorch", run_loader)
    limited = [step for epoch in range(EPOCHS) for step in expected(range(epoch, epoch + 1))[:5]]
    check("plain loop, 5 steps per epoch with advance_on_break",
          run_cut_short(loader(client(), **OPTIONS, with_ids=True, advance_on_break=True), 5), limited)
    assert steps_of_epoch() > 5
