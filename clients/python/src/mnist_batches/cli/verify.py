"""mnist-batches verify: recomputes the orders, pages and values that a server sends."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batches import Batches
from ..client import Client
from ..options import Normalization
from ..order import epoch_order
from ..progress import ProgressBar

_WORLD_SIZE = 3
_NORMALIZATIONS: tuple[Normalization, ...] = ("unit", "centered", "standard")


def add_verify(commands: Any) -> None:
    parser = commands.add_parser("verify", help="recompute orders, pages and values, and compare them bit by bit")
    parser.add_argument("dataset", nargs="?", default="mnist")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--batch-size", type=int, default=500)
    parser.set_defaults(run=_verify)


def _verify(client: Client, options: argparse.Namespace) -> int:
    failures = 0
    for split, total in client.dataset(options.dataset).splits.items():
        with ProgressBar() as progress:
            problems = _verify_split(client, options, split, total, progress)
        for problem in problems:
            print(f"FAILED {split}: {problem}")
        if not problems:
            print(f"{split}: {total:,} samples in the documented order, whole and in {_WORLD_SIZE} shards; "
                  "unit, centered and standard have the bits that NumPy computes")
        failures += len(problems)
    return 0 if failures == 0 else 1


def _verify_split(client: Client, options: argparse.Namespace, split: str, total: int,
                  progress: ProgressBar) -> list[str]:
    common = {"batch_size": options.batch_size, "seed": options.seed}
    problems = []
    for epoch in (0, 1):
        progress.update(f"{split}: order", epoch, 2)
        ids = _ids(Batches(client, options.dataset, split, epoch=epoch, normalization="raw", rank=0, world_size=1,
                           **common))
        if not np.array_equal(ids, epoch_order(total, options.seed, epoch)):
            problems.append(f"epoch {epoch} of seed {options.seed} has another order")
    shards = [_ids(Batches(client, options.dataset, split, normalization="raw", rank=rank, world_size=_WORLD_SIZE,
                           remainder="keep", uneven_ranks=True, **common)) for rank in range(_WORLD_SIZE)]
    if not np.array_equal(np.sort(np.concatenate(shards)), np.arange(total)):
        problems.append(f"{_WORLD_SIZE} shards do not contain every sample once")
    for step, normalization in enumerate(_NORMALIZATIONS):
        progress.update(f"{split}: {normalization}", step, 3)
        ours, theirs = (Batches(client, options.dataset, split, normalization=normalization, wire=wire, rank=0,
                                world_size=1, **common) for wire in ("raw", "float32"))
        if any(a.images.tobytes() != b.images.tobytes() for a, b in zip(ours, theirs, strict=True)):
            problems.append(f"{normalization} has other bits")
    return problems


def _ids(batches: Batches) -> NDArray[np.int32]:
    return np.concatenate([batch.ids for batch in batches] or [np.empty(0, np.int32)])
