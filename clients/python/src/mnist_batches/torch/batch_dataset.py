"""Whole batches for a DataLoader."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, SupportsIndex

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from ..batches import Batches, State
from ..client import Client
from ..options import BatchOptions
from ..ranks import detect_worker
from .fields import Fields
from .shared_epochs import SharedEpochs

if TYPE_CHECKING:
    from typing_extensions import Unpack


class BatchDataset(IterableDataset[tuple[Tensor, ...]]):
    """Whole batches for ``DataLoader(dataset, batch_size=None)``, with any number of workers.

    Each iteration of the DataLoader is the next epoch, also after one that was broken off, with and without workers.
    States are those of a torchdata StatefulDataLoader; without workers, `state_dict` has them, too.
    """

    def __init__(self, client: Client | str, dataset: str = "mnist", split: str = "train", *, with_ids: bool = False,
                 with_mask: bool = False, **options: Unpack[BatchOptions]) -> None:
        """
        Args:
            with_ids, with_mask: as for `loader`.
            options: those of `Batches`, except `advance_on_break`.
        """
        if "advance_on_break" in options:
            raise TypeError("advance_on_break is always on here: a DataLoader with workers cannot tell whether its "
                            "loop was broken off. mnist_batches.torch.loader has a choice")
        self.batches = Batches(client, dataset, split, **options)
        self._fields = Fields(self.batches, with_ids, with_mask)
        self._epochs = SharedEpochs(self.batches.epoch)
        self._iterations = 0
        self._is_resumed = False

    def __repr__(self) -> str:
        return f"BatchDataset({self.batches!r})"

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        _refuse_to_be_split()
        # The frame of the DataLoader's fetcher, which would stack whole batches.
        if sys._getframe(1).f_locals.get("auto_collation") is True:
            raise TypeError("BatchDataset has whole batches: DataLoader(dataset, batch_size=None)")
        self._fields.check()
        self._iterations += 1
        return self._iterate(self.batches.iterate(lambda batch: self._fields.select(batch, torch.from_numpy)))

    def _iterate(self, iterator: Iterator[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
        # The iteration begins with its first batch.
        resumed_epoch = self.batches.epoch if self._is_resumed else None
        is_over = self._is_resumed and not self._epochs.is_anything_left(self._iterations, self.batches.remaining > 0)
        self._is_resumed = False
        # The DataLoader takes turns with its workers, from the one after the last of the finished epoch on.
        self.batches.first_worker = self.batches.pages % detect_worker()[1] if is_over else 0
        epoch = self._epochs.begin(self._iterations, resumed_epoch)
        self.batches.set_epoch(epoch + is_over)
        yield from iterator
        if is_over:
            # Not before: a StatefulDataLoader starts workers with the state of a finished loop, only to replace them.
            self._epochs.begin(self._iterations, epoch + 1)

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return len(self.batches)

    def set_epoch(self, epoch: SupportsIndex) -> None:
        self.batches.set_epoch(epoch)
        self._epochs.set_next(self.batches.epoch)

    def state_dict(self) -> State:
        state = self.batches.state_dict()
        return state if get_worker_info() is None else {**state, "pages": self.batches.pages}

    def load_state_dict(self, state: State) -> None:
        self.batches.load_state_dict(state)
        self.batches.pages = state.get("pages", 0)
        self._is_resumed = True
        # Workers get states of their own, while others may have begun already.
        if get_worker_info() is None:
            self._epochs.set_next(self.batches.epoch)


def _refuse_to_be_split() -> None:
    """
    Raises:
        RuntimeError: accelerate would split batches that are those of one rank already.
    """
    accelerate = sys.modules.get("accelerate.state")
    state = accelerate.PartialState._shared_state if accelerate is not None else {}
    if state.get("num_processes", 1) > 1:
        raise RuntimeError("accelerate would divide a DataLoader of BatchDataset among its processes a second time: "
                           "use mnist_batches.torch.loader(…), which accelerator.prepare leaves as it is")
