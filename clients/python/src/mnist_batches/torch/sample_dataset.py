"""Single samples for PyTorch's own samplers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..client import Client, as_client
from ..options import GatherOptions, check_integer, check_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SampleDataset(Dataset[tuple[Tensor, Tensor]]):
    """Single samples for PyTorch's own samplers. A DataLoader fetches each batch of them in one request.

    With `augment`, a sample is augmented anew each time it is read: the k-th time as in epoch k, until `set_epoch`
    selects one epoch for all.
    """

    def __init__(self, client: Client | str, dataset: str = "mnist", split: str = "train",
                 **options: Unpack[GatherOptions]) -> None:
        """`options` are those of `Client.gather`."""
        check_names(options, (*GatherOptions.__required_keys__, *GatherOptions.__optional_keys__))
        self._client, self._name, self._split = as_client(client), dataset, split
        description = self._client.dataset(dataset, options.get("version"))
        self.classes = list(description.classes)
        self._length = description.total(split)
        self._options: GatherOptions = {**options, "version": description.version}
        first_epoch = check_integer("epoch", options.get("epoch", 0))
        # How often each sample was read, in memory that workers share.
        self._reads = torch.full((self._length if options.get("augment") else 0,), first_epoch,
                                 dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._epoch = torch.tensor(-1).share_memory_()  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"SampleDataset({self._name!r}, {self._split!r}, {self._length:,} samples)"

    def __len__(self) -> int:
        return self._length

    @property
    def targets(self) -> Tensor:
        """Class numbers of all samples, int64 (N,)."""
        return torch.from_numpy(self._client.labels(self._name, self._split, self._options["version"]))

    def set_epoch(self, epoch: SupportsIndex) -> None:
        """Selects the augmentation of an epoch for all samples from now on."""
        self._epoch.fill_(check_integer("epoch", epoch))

    def __getitem__(self, index: SupportsIndex) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[SupportsIndex]) -> list[tuple[Tensor, Tensor]]:
        ids = np.array([self._resolve(index) for index in indices])
        images: list[Any] = [None] * len(ids)
        labels: list[Any] = [None] * len(ids)
        for epoch, places in self._by_epoch(ids):
            options: GatherOptions = self._options if epoch is None else {**self._options, "epoch": epoch}
            batch = self._client.gather(self._name, self._split, ids[places], **options)
            for place, image, label in zip(places, torch.from_numpy(batch.images), torch.from_numpy(batch.labels),
                                           strict=True):
                images[place], labels[place] = image, label
        return list(zip(images, labels, strict=True))

    def _resolve(self, index: SupportsIndex) -> int:
        number = check_integer("the index of a sample", index, -(2**63))
        if not -self._length <= number < self._length:
            raise IndexError(f"{self._split} has {self._length} samples, there is no sample {number}")
        return number % self._length

    def _by_epoch(self, ids: NDArray[np.int64]) -> Iterator[tuple[int | None, NDArray[np.int64]]]:
        """Places in a list of ids, by the epoch of their augmentation; None where nothing is augmented."""
        if len(self._reads) == 0 or int(self._epoch) >= 0:
            yield (int(self._epoch) if len(self._reads) else None), np.arange(len(ids))
            return
        reads = self._reads.numpy()
        # A sampler with replacement may ask for a sample several times at once.
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        epochs = reads[ids]
        for place in np.setdiff1d(np.arange(len(ids)), first):
            epochs[place] += np.count_nonzero(inverse[:place] == inverse[place])
        np.add.at(reads, ids, 1)
        for epoch in np.unique(epochs):
            yield int(epoch), np.flatnonzero(epochs == epoch)
