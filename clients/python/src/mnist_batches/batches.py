"""The epochs of a split, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import numpy as np

from .batch import Batch
from .client import Client, Dataset
from .errors import StateError
from .normalize import Normalizer, normalizer
from .pages import REMAINDERS, Shard
from .prefetch import prefetch
from .ranks import detect_rank, detect_worker
from .safetensors import read_tensors
from .session import Session
from .stats import Stats
from .wire import WIRES, WireChoice

State = dict[str, Any]
Auto = Literal["auto"]
T = TypeVar("T")


class Batches:
    """Each iteration yields an epoch, or the rest of one after `load_state_dict`; the next one continues with the
    next epoch. An iteration that is broken off does not count: the next one begins with the same epoch again.

    Args:
        seed: shuffles every epoch; None keeps the natural order.
        epoch: the first epoch.
        rank, world_size: this process's share of each epoch. "auto" asks torch.distributed, the environment of
            torchrun, Slurm and Open MPI, and JAX. The workers of a DataLoader divide the share among them.
        remainder: "keep" ends with short batches, "drop" leaves them out, "pad" fills them up and masks the padding.
        normalization, dtype, labels, layout, augment, pad, version: parameters of the server.
        wire: "raw" transfers pixels and normalizes them here, to the same bits; "float32" transfers finished values;
            "auto" measures both.
        prefetch: requests in progress ahead of the loop, each in a thread; 0 for none.

    Attributes:
        stats: what the iterations cost so far.
    """

    def __init__(self, client: Client, dataset: str = "mnist", split: str = "train", *, batch_size: int = 128,
                 seed: int | None = None, epoch: int = 0, rank: int | Auto = "auto", world_size: int | Auto = "auto",
                 remainder: str = "keep", normalization: str = "standard", dtype: str | None = None,
                 labels: str = "index", layout: str = "nchw", augment: str | None = None, pad: int | None = None,
                 version: str | None = None, wire: str = "auto", prefetch: int = 4) -> None:
        _assert_choice("remainder", remainder, REMAINDERS)
        _assert_choice("wire", wire, WIRES)
        if (rank == "auto") != (world_size == "auto"):
            raise ValueError('rank and world_size must both be "auto", or both be numbers')
        if batch_size < 1 or prefetch < 0:
            raise ValueError("batch_size must be at least 1, and prefetch at least 0")
        self.client, self.dataset_name, self.split = client, dataset, split
        self.batch_size, self.seed, self.remainder, self.prefetch = batch_size, seed, remainder, prefetch
        self.stats = Stats()
        self._rank, self._world_size = rank, world_size
        self._epoch, self._offset = epoch, 0
        self._resume_at = 0
        self._version = version
        self._normalization = normalization
        self._dtype = dtype or ("uint8" if normalization == "raw" else "float32")
        self._query = {"labels": labels, "layout": layout, "augment": augment, "pad": pad}
        self._wire = WireChoice(self._possible_wires(wire))

    def __len__(self) -> int:
        """Batches of the next iteration."""
        return len(self._shard())

    def __iter__(self) -> Iterator[Batch]:
        return self.iterate(lambda batch: batch)

    def iterate(self, convert: Callable[[Batch], T]) -> Iterator[T]:
        """Like iteration itself, with every batch converted ahead of the loop, by the threads that fetch them."""
        shard = self._shard()
        epoch, self._resume_at = self._epoch, 0
        self._offset = shard.offset
        group = shard.batches_per_request(self.client.max_batch_size)

        def fetch(session: Session, index: int) -> list[tuple[int, T]]:
            batches = self._fetch(session, shard, epoch, index, group)
            return [(len(batch.labels), convert(batch)) for batch in batches]

        delivered = 0
        self.stats.start()
        asked = time.perf_counter()
        for batches in prefetch(fetch, -(-len(shard) // group), self.prefetch, self.client.open_session):
            for samples, batch in batches:
                delivered += 1
                self._move_to(epoch, shard.consumed(delivered), shard)
                self.stats.record_batch(samples, asked)
                yield batch
                asked = time.perf_counter()
        self._epoch, self._offset = epoch + 1, 0

    def __getitem__(self, index: int) -> Batch:
        """One batch of the current epoch, by its number."""
        shard = self._shard()
        if not 0 <= index < len(shard):
            raise IndexError(f"the epoch has {len(shard)} batches, there is no batch {index}")
        return self._fetch(None, shard, self._epoch, index, 1)[0]

    @property
    def epoch(self) -> int:
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Selects the epoch of the next iteration. Keeps the position of a state in the same epoch."""
        if epoch != self._epoch:
            self._epoch, self._offset, self._resume_at = epoch, 0, 0

    def state_dict(self) -> State:
        """The position after the last batch that the loop received, for JSON."""
        return {**self._identity, "epoch": self._epoch, "offset": self._offset}

    def load_state_dict(self, state: State) -> None:
        """The next iteration continues from a state, whatever its batch size and world size were.

        Raises:
            StateError: the state is of another dataset, split, version or seed.
        """
        for name, own in self._identity.items():
            # The position does not depend on the names of dataset and split, so a state may lack them.
            if name not in state and name in ("dataset", "split"):
                continue
            if name not in state or state[name] != own:
                raise StateError(f"the state has {name} {state.get(name)!r}, and these batches have {own!r}")
        epoch, offset = state.get("epoch"), state.get("offset")
        if not (isinstance(epoch, int) and isinstance(offset, int) and epoch >= 0 and 0 <= offset <= self.total):
            raise StateError(f"epoch and offset must be integers, offset at most {self.total}; "
                             f"the state has {epoch!r} and {offset!r}")
        self._epoch, self._offset, self._resume_at = epoch, offset, offset

    @property
    def _identity(self) -> State:
        """What a state must agree with."""
        return {"dataset": self.dataset_name, "split": self.split, "version": self.dataset.version, "seed": self.seed}

    @cached_property
    def dataset(self) -> Dataset:
        """Pins the version, so that all URLs are immutable."""
        return self.client.dataset(self.dataset_name, self._version)

    @property
    def total(self) -> int:
        """Samples in the split."""
        if self.split not in self.dataset.splits:
            raise ValueError(f"there is no split {self.split!r}; there are: {', '.join(self.dataset.splits)}")
        return self.dataset.splits[self.split]

    @property
    def rank(self) -> int:
        return self._place[0]

    @property
    def world_size(self) -> int:
        return self._place[1]

    @property
    def wire(self) -> str:
        """The wire in use: of "auto", the faster one so far."""
        return self._wire.best

    def __getstate__(self) -> dict[str, Any]:
        # A process that gets a copy, such as a DataLoader worker, may not be able to detect the rank.
        state = {**self.__dict__, "_place": self._place}
        state.pop("_normalizer", None)
        return state

    @cached_property
    def _place(self) -> tuple[int, int]:
        if self._rank == "auto" or self._world_size == "auto":
            return detect_rank()
        return self._rank, self._world_size

    def _shard(self) -> Shard:
        worker, workers = detect_worker()
        return Shard(self.total, self.batch_size, self.rank, self.world_size, self.remainder, self._resume_at,
                     worker, workers)

    def _move_to(self, epoch: int, offset: int, shard: Shard) -> None:
        # After the last sample, the state is the start of the next epoch. A worker cannot tell for the others.
        if offset >= shard.total and shard.workers == 1:
            epoch, offset = epoch + 1, 0
        self._epoch, self._offset = epoch, offset

    def _possible_wires(self, wire: str) -> tuple[str, ...]:
        """Names of wires to choose from; "float32" stands for any dtype of finished values."""
        # Small entries suit a cache, and alternating URLs do not.
        if self._normalization == "raw" or wire == "raw" or (wire == "auto" and self.client.has_cache):
            return ("raw",)
        return ("float32",) if wire == "float32" else ("raw", "float32")

    def _fetch(self, session: Session | None, shard: Shard, epoch: int, index: int, group: int) -> list[Batch]:
        """The batches of one request."""
        started = time.perf_counter()
        wire = self._wire.next()
        is_raw = wire == "raw"
        query = {
            **self._query,
            **self._order_query(epoch),
            "normalization": "raw" if is_raw else self._normalization,
            "dtype": "uint8" if is_raw else self._dtype,
            "batch_size": shard.batch_size * group,
            "page": shard.page(index),
            "offset": shard.offset or None,
            "rank": shard.rank if shard.world_size > 1 else None,
            "world_size": shard.world_size if shard.world_size > 1 else None,
            # Several batches are cut from all remaining samples, so `drop` applies to them, not to the request.
            "remainder": "keep" if group > 1 and shard.remainder == "drop" else shard.remainder,
            "version": self.dataset.version,
            "format": "safetensors"
        }
        parameters = urlencode({name: value for name, value in query.items() if value is not None}, safe=":,")
        target = f"/v1/datasets/{self.dataset_name}/splits/{self.split}/batches?{parameters}"
        response = self.client.request("GET", target, session=session, compress=is_raw and self._wire.compress)
        tensors, _ = read_tensors(response.body)
        whole = Batch(**tensors)
        size = shard.batch_size
        batches = [whole.rows(i * size, (i + 1) * size) for i in range(min(group, len(shard) - index * group))]
        if is_raw and self._normalization != "raw":
            normalize = self._normalizer
            batches = [batch._replace(images=normalize(batch.images)) for batch in batches]
        self.stats.record_request(response.wire_bytes)
        self._wire.record(wire, time.perf_counter() - started, response.wire_bytes, response.transfer_seconds)
        return batches

    def _order_query(self, epoch: int) -> dict[str, Any]:
        if self.seed is not None:
            return {"seed": self.seed, "epoch": epoch}
        # Augmentation has random numbers of its own, which differ between epochs even in the natural order.
        return {} if self._query["augment"] is None else {"epoch": epoch}

    @cached_property
    def _normalizer(self) -> Normalizer:
        image = None
        if self._normalization == "centered":
            image = self.client.mean_image(self.dataset_name, self.dataset.version)
            side = self._query["pad"]
            if side is not None:
                margins = [((side - length) // 2, side - length - (side - length) // 2) for length in image.shape]
                image = np.pad(image, margins)
            layouts = {"flat": (-1,), "nchw": (1, *image.shape), "nhwc": (*image.shape, 1)}
            image = image.reshape(layouts.get(str(self._query["layout"]), image.shape))
        return normalizer(self._normalization, self._dtype, mean=self.dataset.mean, std=self.dataset.std,
                          mean_image=image)


def _assert_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
