"""Batches of tensors on a device, copied there by the threads that fetch them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, SupportsIndex, TypeVar, overload

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batch import Batch
from ..batches import Batches, State
from ..client import Client
from ..options import BatchOptions
from ..stats import Stats
from .fields import Fields, Pair, PairWithIds, PairWithMask, TensorBatch

if TYPE_CHECKING:
    from typing_extensions import Unpack


T_co = TypeVar("T_co", covariant=True)


class Loader(Generic[T_co]):
    """Batches of tensors, copied to a device ahead of the loop. Threads do this, so it needs no worker processes.

    Created by `loader`. Iterations, states and `len` are those of `Batches`.
    """

    def __init__(self, batches: Batches, device: torch.device | str | None, with_ids: bool, with_mask: bool) -> None:
        self.batches = batches
        self._device = torch.device(device or "cpu")
        self._fields = Fields(batches, with_ids, with_mask)
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
