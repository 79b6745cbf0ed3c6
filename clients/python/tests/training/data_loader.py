"""DataLoader and StatefulDataLoader, without and with workers, forked and spawned."""

import warnings
from typing import Any

from common import EPOCHS, OPTIONS, Steps, check, check_resumption, client, expected
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from mnist_batches.torch import BatchDataset

WORKERS = ((0, None), (2, "fork"), (2, "spawn"))


def create(kind: Any, workers: int, method: str | None, **options: Any) -> Any:
    return kind(BatchDataset(client(), **OPTIONS, with_ids=True), batch_size=None, num_workers=workers,
                multiprocessing_context=method, **options)


def run(workers: int, method: str | None, epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    epoch, saved = (0, None) if state is None else state
    train = create(StatefulDataLoader, workers, method)
    if saved is not None:
        train.load_state_dict(saved)
    steps: Steps = []
    for number in range(epoch, epochs):
        for batch in train:
            steps.append(batch[2].tolist())
            if len(steps) == stop and stop % len(train) > 0:
                return steps, (number, train.state_dict())
        # At an epoch's end, after the loop.
        if len(steps) == stop:
            return steps, (number + 1, train.state_dict())
    return steps, None


def epochs_of(train: Any) -> Steps:
    return [batch[2].tolist() for _ in range(EPOCHS) for batch in train]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for workers, method in WORKERS:
        name = f"{workers} workers" + (f", {method}" if method else "")
        check(f"DataLoader, {name}, fresh", epochs_of(create(DataLoader, workers, method)), expected(range(EPOCHS)))
        check_resumption(f"StatefulDataLoader, {name}",
                         lambda *arguments, workers=workers, method=method: run(workers, method, *arguments))
    persistent = create(DataLoader, 2, "fork", persistent_workers=True)
    check("DataLoader, 2 persistent workers, fresh", epochs_of(persistent), expected(range(EPOCHS)))
