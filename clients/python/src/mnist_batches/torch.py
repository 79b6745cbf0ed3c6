"""PyTorch: a loader that needs no DataLoader, and datasets for one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, SupportsIndex, TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from .batch import Batch
from .batches import Batches, State
from .client import Client, as_client
from .options import MAX_U32, BatchOptions, GatherOptions, check_integer, check_names
from .ranks import detect_worker
from .stats import Stats

if TYPE_CHECKING:
    from typing_extensions import Unpack

# More workers than any machine has processors for.
_MAX_WORKERS = 1024
# Seconds within which all workers of an iteration begin, even where a spawned one imports much.
_WORKERS_START = 120


class _Pair(NamedTuple):
    images: Tensor
    labels: Tensor


class _PairWithIds(NamedTuple):
    images: Tensor
    labels: Tensor
    ids: Tensor
    """int32: positions of the samples in the split."""


class _PairWithMask(NamedTuple):
    images: Tensor
    labels: Tensor
    mask: Tensor
    """uint8: 1 for samples, 0 for padding."""


class _TensorBatch(NamedTuple):
    images: Tensor
    labels: Tensor
    ids: Tensor
    mask: Tensor


class _FromSequence:
    """Some trainers rebuild a batch as ``type(batch)(values)``, like that of a plain tuple."""

    __slots__ = ()

    def __new__(cls, *values: Any) -> Any:
        return super().__new__(cls, *(values if len(values) > 1 else tuple(values[0])))


class Pair(_FromSequence, _Pair):
    __slots__ = ()


class PairWithIds(_FromSequence, _PairWithIds):
    __slots__ = ()


class PairWithMask(_FromSequence, _PairWithMask):
    __slots__ = ()


class TensorBatch(_FromSequence, _TensorBatch):
    __slots__ = ()


T_co = TypeVar("T_co", covariant=True)


class Loader(Generic[T_co]):
    """Batches of tensors, copied to a device ahead of the loop. Threads do this, so it needs no worker processes.

    Created by `loader`. Iterations, states and `len` are those of `Batches`.
    """

    def __init__(self, batches: Batches, device: torch.device | str | None, with_ids: bool, with_mask: bool) -> None:
        self.batches = batches
        self._device = torch.device(device or "cpu")
        self._fields = _Fields(batches, with_ids, with_mask)
        self._first_epoch = batches.epoch

    def __repr__(self) -> str:
        return f"Loader({self.batches!r}, device={str(self._device)!r})"

    def __iter__(self) -> Iterator[T_co]:
        self._fields.check()
        return self.batches.iterate(self._convert)

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return len(self.batches)

    @property
    def remaining(self) -> int:
        """Batches of the next iteration, which may be the rest of an epoch."""
        return self.batches.remaining

    @property
    def epoch(self) -> int:
        return self.batches.epoch

    @property
    def stats(self) -> Stats:
        return self.batches.stats

    def set_epoch(self, epoch: SupportsIndex) -> None:
        self.batches.set_epoch(epoch)

    def state_dict(self) -> State:
        return self.batches.state_dict()

    def load_state_dict(self, state: State) -> None:
        self.batches.load_state_dict(state)

    # Lightning asks for it beside the sampler.
    batch_sampler = None

    @property
    def dataset(self) -> Any:
        # The Trainer of Hugging Face would skip batches that a resumed loader has skipped already.
        raise AttributeError("a Loader has no dataset to skip batches of: resume it with load_state_dict, and set "
                             "ignore_data_skip=True where transformers resumes a run")

    @property
    def sampler(self) -> _EpochOfTrainer:
        """Lightning tells the samplers of its loaders which epoch begins, also after one that was cut short."""
        return _EpochOfTrainer(self)

    def _convert(self, batch: Batch) -> Any:
        return self._fields.select(batch, self._copy)

    def _copy(self, array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(array)
        if self._device.type == "cpu":
            return tensor
        # From pinned memory, the copy runs while the program goes on.
        pinned = tensor.pin_memory() if self._device.type == "cuda" else tensor
        return pinned.to(self._device, non_blocking=True)


class _EpochOfTrainer:
    def __init__(self, loader: Loader[Any]) -> None:
        self._loader = loader

    def set_epoch(self, epoch: int) -> None:
        """Only moves forward: a trainer that begins at 0 again continues where the loader is."""
        target = self._loader._first_epoch + epoch
        if target < self._loader.epoch:
            self._loader._first_epoch = self._loader.epoch - epoch
        else:
            self._loader.set_epoch(target)


@overload
def loader(client: Client | str, dataset: str = ..., split: str = ..., *, device: torch.device | str | None = ...,
           with_ids: Literal[False] = ..., with_mask: Literal[False] = ...,
           **options: Unpack[BatchOptions]) -> Loader[Pair]: ...
@overload
def loader(client: Client | str, dataset: str = ..., split: str = ..., *, device: torch.device | str | None = ...,
           with_ids: Literal[True], with_mask: Literal[False] = ...,
           **options: Unpack[BatchOptions]) -> Loader[PairWithIds]: ...
@overload
def loader(client: Client | str, dataset: str = ..., split: str = ..., *, device: torch.device | str | None = ...,
           with_ids: Literal[False] = ..., with_mask: Literal[True],
           **options: Unpack[BatchOptions]) -> Loader[PairWithMask]: ...
@overload
def loader(client: Client | str, dataset: str = ..., split: str = ..., *, device: torch.device | str | None = ...,
           with_ids: Literal[True], with_mask: Literal[True],
           **options: Unpack[BatchOptions]) -> Loader[TensorBatch]: ...
def loader(client: Client | str, dataset: str = "mnist", split: str = "train", *,
           device: torch.device | str | None = None, with_ids: bool = False, with_mask: bool = False,
           **options: Unpack[BatchOptions]) -> Loader[Any]:
    """A loader of (images, labels) on a device.

    Args:
        with_ids: adds the ids of the samples: (images, labels, ids).
        with_mask: adds the mask that tells samples from padding, as the last element.
        options: those of `Batches`.
    """
    return Loader(Batches(client, dataset, split, **options), device, with_ids, with_mask)


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
        self._fields = _Fields(self.batches, with_ids, with_mask)
        self._epochs = _SharedEpochs(self.batches.epoch)
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


class _SharedEpochs:
    """The epoch of a DataLoader's next iteration, in memory that all its workers share.

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


class SampleDataset(Dataset[tuple[Tensor, Tensor]]):
    """Single samples for PyTorch's own samplers. A DataLoader fetches each batch of them in one request.

    With `augment`, a sample is augmented anew each time it is read: the k-th time as in epoch k, until `set_epoch`
    selects one epoch for all.
    """

    def __init__(self, client: Client | str, dataset: str = "mnist", split: str = "train",
                 **options: Unpack[GatherOptions]) -> None:
        """`options` are those of `Client.gather`, with the defaults of `Batches`."""
        check_names(options, (*GatherOptions.__required_keys__, *GatherOptions.__optional_keys__))
        self._client, self._name, self._split = as_client(client), dataset, split
        description = self._client.dataset(dataset, options.get("version"))
        self.classes = list(description.classes)
        self._length = description.total(split)
        defaults: GatherOptions = {"normalization": "standard", "labels": "index", "layout": "nchw"}
        self._options: GatherOptions = {**defaults, **options, "version": description.version}
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


class _Fields:
    """What a batch consists of: images, labels, and on request ids and mask."""

    def __init__(self, batches: Batches, with_ids: bool, with_mask: bool) -> None:
        self._batches, self._with_ids, self._with_mask = batches, with_ids, with_mask

    def check(self) -> None:
        """
        Raises:
            ValueError: batches would have padding that cannot be told from samples.
        """
        if self._batches.remainder == "pad" and not self._with_mask:
            raise ValueError('remainder="pad" fills batches up with samples that must not count: add with_mask=True '
                             'and use the mask, or choose remainder="drop"')

    def select(self, batch: Batch, convert: Any) -> Any:
        images, labels = convert(batch.images), convert(batch.labels)
        if not self._with_mask:
            return PairWithIds(images, labels, convert(batch.ids)) if self._with_ids else Pair(images, labels)
        mask = convert(np.ones(len(batch.ids), np.uint8) if batch.mask is None else batch.mask)
        if not self._with_ids:
            return PairWithMask(images, labels, mask)
        return TensorBatch(images, labels, convert(batch.ids), mask)


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
