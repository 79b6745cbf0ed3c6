"""The epoch of a DataLoader's next iteration, on which its workers agree."""

from __future__ import annotations

import time

import torch
from torch.utils.data import get_worker_info

from ..options import MAX_U32

# More workers than any machine has processors for.
_MAX_WORKERS = 1024
# Seconds within which all workers of an iteration begin, even where a spawned one imports much.
_WORKERS_START = 120


class SharedEpochs:
    """In memory that all workers share.

    A worker may be stopped before it begins an iteration, so none can count for itself. Each one notes the epoch that
    it begins, with a mark that is the same for all workers of an iteration: the others take that epoch, and workers
    with another mark the one after it. A note is a single 64-bit write, so no lock is needed.
    """

    def __init__(self, first: int) -> None:
        self._notes = torch.full((_MAX_WORKERS,), first,
                                 dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._rests = torch.zeros(_MAX_WORKERS, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def begin(self, iteration: int, epoch: int | None) -> int:
        """
        Args:
            iteration: number of this iteration in this process.
            epoch: that of a state, if there is one.

        Returns:
            the epoch of the iteration.
        """
        info, mark = get_worker_info(), _mark(iteration)
        if epoch is None:
            notes = [(note >> 32, note & MAX_U32) for note in self._notes.tolist()]
            epochs_of_others = [following - 1 for other, following in notes if info is not None and other == mark]
            epoch = epochs_of_others[0] if epochs_of_others else max(following for _, following in notes)
        self._notes[0 if info is None else info.id] = (mark << 32) | (epoch + 1)
        return epoch

    def set_next(self, epoch: int) -> None:
        self._notes.fill_(epoch)

    def is_anything_left(self, iteration: int, here: bool) -> bool:
        """Whether any worker has a rest of the epoch of its state. A worker that has none waits for the others.

        Args:
            here: whether this worker has.
        """
        info, mark = get_worker_info(), _mark(iteration)
        if info is None:
            return here
        self._rests[info.id] = (mark << 1) | here
        deadline = time.monotonic() + _WORKERS_START
        while not here:
            rests = self._rests[:info.num_workers].tolist()
            if all(rest >> 1 == mark for rest in rests):
                return any(rest & 1 for rest in rests)
            if time.monotonic() > deadline:
                raise RuntimeError(f"workers of the DataLoader have not begun within {_WORKERS_START} s")
            time.sleep(0.002)
        return True


def _mark(iteration: int) -> int:
    """A number from 1 that the workers of an iteration have in common; 0 without workers.

    Their seeds differ by their numbers only, and persistent workers keep them.
    """
    info = get_worker_info()
    return 0 if info is None else 1 + hash((info.seed - info.id, iteration)) % 0x7FFFFFFF
