"""PyTorch: datasets for a DataLoader, and a loader that needs none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from .batch import Batch
from .batches import Batches, State
from .client import Client
from .stats import Stats


class TensorBatch(NamedTuple):
    """A `Batch` of tensors. Without padding, the mask is None."""

    images: Tensor
    labels: Tensor
    ids: Tensor
    mask: Tensor | None = None


class BatchDataset(IterableDataset[TensorBatch]):
    """Whole batches for ``DataLoader(dataset, batch_size=None)``, with any number of workers.

    A DataLoader with workers copies the dataset into them: call `set_epoch` before each epoch, and take states from a
    torchdata StatefulDataLoader. Without workers, epochs advance on their own, and `state_dict` is up to date.
    """

    def __init__(self, client: Client, dataset: str = "mnist", split: str = "train", **options: Any) -> None:
        """`options` are those of `Batches`."""
        self.batches = Batches(client, dataset, split, **options)
        # Shared with workers, so that persistent ones see a new epoch.
        self._epoch = torch.tensor(self.batches.epoch).share_memory_()  # type: ignore[no-untyped-call]

    def __iter__(self) -> Iterator[TensorBatch]:
        in_worker = get_worker_info() is not None
        self.batches.set_epoch(int(self._epoch))
        for batch in self.batches:
            if not in_worker:
                self._epoch.fill_(self.batches.epoch)
            yield _to_tensors(batch)
        if in_worker:
            self.batches.set_epoch(int(self._epoch))
        else:
            self._epoch.fill_(self.batches.epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def set_epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)
        self.batches.set_epoch(epoch)

    def state_dict(self) -> State:
        return self.batches.state_dict()

    def load_state_dict(self, state: State) -> None:
        self.batches.load_state_dict(state)
        self._epoch.fill_(self.batches.epoch)


class SampleDataset(Dataset[tuple[Tensor, Tensor]]):
    """Single samples for PyTorch's own samplers. A DataLoader fetches each batch of them in one request."""

    def __init__(self, client: Client, dataset: str = "mnist", split: str = "train", *,
                 normalization: str = "standard", labels: str = "index", layout: str = "nchw", **query: Any) -> None:
        """`query` may have dtype, augment, seed, epoch, pad and version."""
        self._client, self._dataset, self._split = client, dataset, split
        description = client.dataset(dataset, query.pop("version", None))
        self._length = description.splits[split]
        self._query = {"normalization": normalization, "labels": labels, "layout": layout,
                       "version": description.version, **query}

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        batch = _to_tensors(self._client.gather(self._dataset, self._split, indices, **self._query))
        return list(zip(batch.images, batch.labels, strict=True))


class Loader:
    """Batches of tensors, copied to a device ahead of the loop. Threads do this, so it needs no worker processes."""

    def __init__(self, batches: Batches, device: torch.device | str | None = None) -> None:
        self.batches = batches
        self._device = torch.device(device or "cpu")

    def __iter__(self) -> Iterator[TensorBatch]:
        return self.batches.iterate(self._convert)

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def epoch(self) -> int:
        return self.batches.epoch

    @property
    def stats(self) -> Stats:
        return self.batches.stats

    def set_epoch(self, epoch: int) -> None:
        self.batches.set_epoch(epoch)

    def state_dict(self) -> State:
        return self.batches.state_dict()

    def load_state_dict(self, state: State) -> None:
        self.batches.load_state_dict(state)

    def _convert(self, batch: Batch) -> TensorBatch:
        tensors = _to_tensors(batch)
        if self._device.type == "cpu":
            return tensors
        images, labels, ids = map(self._copy, (tensors.images, tensors.labels, tensors.ids))
        return TensorBatch(images, labels, ids, None if tensors.mask is None else self._copy(tensors.mask))

    def _copy(self, tensor: Tensor) -> Tensor:
        # From pinned memory, the copy runs while the program goes on.
        pinned = tensor.pin_memory() if self._device.type == "cuda" else tensor
        return pinned.to(self._device, non_blocking=True)


def loader(client: Client, dataset: str = "mnist", split: str = "train", *, device: torch.device | str | None = None,
           **options: Any) -> Loader:
    """A loader of batches on a device; `options` are those of `Batches`."""
    return Loader(Batches(client, dataset, split, **options), device)


def _to_tensors(batch: Batch) -> TensorBatch:
    images, labels, ids = map(torch.from_numpy, (batch.images, batch.labels, batch.ids))
    return TensorBatch(images, labels, ids, None if batch.mask is None else torch.from_numpy(batch.mask))
