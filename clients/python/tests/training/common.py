"""What each training step must receive, and whether it did. Programs of this folder print a line for each cell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_batches import Client, epoch_order

Steps = list[list[int]]

URL = os.environ["MNIST_BATCHES_URL"]
BATCH_SIZE = int(os.environ.get("BATCH_SIZE", "128"))
TOTAL, SEED, EPOCHS = 48_000, 7, 3
OPTIONS: dict[str, Any] = {"split": "train", "batch_size": BATCH_SIZE, "seed": SEED}


def steps_of_epoch(rank: int = 0, world_size: int = 1) -> int:
    page = BATCH_SIZE * world_size
    return -(-TOTAL // page) if world_size == 1 else TOTAL // page


def expected(epochs: range, rank: int = 0, world_size: int = 1) -> Steps:
    """The ids of each step, by docs/reproducibility.md: page p has the positions p·B·W to (p+1)·B·W of the order."""
    steps: Steps = []
    for epoch in epochs:
        order = epoch_order(TOTAL, SEED, epoch)
        for page in range(steps_of_epoch(rank, world_size)):
            start = (page * world_size + rank) * BATCH_SIZE
            steps.append(order[start:start + BATCH_SIZE].tolist())
    return steps


def check(cell: str, found: Steps, wanted: Steps, rank: int = 0) -> None:
    """Prints a line for the cell; the test reads it."""
    detail = ""
    if found != wanted:
        same = next((i for i, pair in enumerate(zip(found, wanted, strict=False)) if pair[0] != pair[1]),
                    min(len(found), len(wanted)))
        detail = f"{len(found)} steps instead of {len(wanted)}, the first other one is {same}"
    report(cell, detail or "exact", rank)


def report(cell: str, result: str, rank: int = 0) -> None:
    # One write, so that lines of several ranks do not mix.
    sys.stdout.write(json.dumps({"cell": cell, "rank": rank, "result": result}) + "\n")
    sys.stdout.flush()


def check_refusal(cell: str, run: Callable[[], object], text: str, rank: int = 0) -> None:
    try:
        run()
    except Exception as error:
        # Other ranks may notice only that the first one has ended.
        is_refused = text in str(error) or (rank > 0 and "Connection closed by peer" in str(error))
        report(cell, "refused" if is_refused else f"another error: {error}", rank)
    else:
        report(cell, "not refused", rank)


def check_resumption(name: str, run: Callable[[int, int | None, Any], tuple[Steps, Any]], rank: int = 0,
                     world_size: int = 1) -> None:
    """Fresh, resumed in the middle of the second epoch, and resumed at the end of the first one.

    Args:
        run: (epochs, number of steps after which to stop, state) -> steps, state.
    """
    wanted = expected(range(EPOCHS), rank, world_size)
    check(f"{name}, fresh", run(EPOCHS, None, None)[0], wanted, rank)
    per_epoch = steps_of_epoch(rank, world_size)
    for when, stop in (("in mid-epoch", per_epoch + per_epoch // 3), ("at an epoch's end", per_epoch)):
        first, state = run(EPOCHS, stop, None)
        rest, _ = run(EPOCHS, None, state)
        check(f"{name}, resumed {when}", first + rest, wanted, rank)


def client() -> Client:
    return Client(URL)


def labels() -> Any:
    """Class numbers of all samples, by which steps without ids can be compared."""
    return client().labels("mnist", "train")


def labels_of(steps: Steps) -> Steps:
    all_labels = labels()
    return [all_labels[np.asarray(ids, np.int64)].tolist() for ids in steps]
