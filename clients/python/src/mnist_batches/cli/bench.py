"""mnist-batches bench: how fast batches arrive, and how much of the time an accelerator would compute."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from ..batches import Batches
from ..client import Client
from ..progress import ProgressBar


def add_bench(commands: Any) -> None:
    parser = commands.add_parser("bench", help="measure samples/s and waiting times")
    parser.add_argument("dataset", nargs="?", default="mnist")
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--normalization", default="standard")
    parser.add_argument("--augment")
    parser.add_argument("--wire", default="auto", help="raw, float32 or auto (default)")
    parser.add_argument("--prefetch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--step-ms", type=float, default=0,
                        help="emulate a trainer whose accelerator computes for this long on each batch")
    parser.set_defaults(run=_bench)


def _bench(client: Client, options: argparse.Namespace) -> int:
    batches = Batches(client, options.dataset, options.split, batch_size=options.batch_size, seed=1, rank=0,
                      world_size=1, normalization=options.normalization, augment=options.augment, wire=options.wire,
                      prefetch=options.prefetch)
    _run(batches, 0.5, 0, None)
    batches.stats.reset()
    with ProgressBar() as progress:
        _run(batches, options.seconds, options.step_ms / 1000, progress)
    stats = batches.stats
    waits = np.array(stats.waits) * 1000
    p50, p99 = np.percentile(waits, [50, 99])
    print(f"samples/s    {stats.samples_per_second:,.0f}")
    print(f"wait ms      p50 {p50:.3f}, p99 {p99:.3f}")
    print(f"wire         {batches.wire}, {stats.wire_bytes / stats.seconds / 1e6:,.0f} MB/s")
    if options.step_ms > 0:
        # The time ends with the delivery of the last batch.
        computed = (stats.batches - 1) * options.step_ms / 1000
        print(f"utilisation  {100 * computed / stats.seconds:.1f} %")
    return 0


def _run(batches: Batches, seconds: float, step: float, progress: ProgressBar | None) -> None:
    started = time.perf_counter()
    accelerator = _Accelerator(step)
    while True:
        for _ in batches:
            elapsed = time.perf_counter() - started
            if elapsed > seconds:
                return
            if progress is not None and batches.stats.batches % 64 == 0:
                progress.update("measuring", elapsed, seconds)
            accelerator.compute(batches.stats.waits[-1])


class _Accelerator:
    """Takes no processor time while it computes, so it sleeps. Where that takes too long, the next time is shorter."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._due = time.perf_counter()

    def compute(self, waited: float) -> None:
        if self._step == 0:
            return
        self._due += waited + self._step
        time.sleep(max(0.0, self._due - time.perf_counter()))
