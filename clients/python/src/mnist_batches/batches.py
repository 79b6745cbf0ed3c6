"""The epochs of a split, batch by batch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, SupportsIndex, TypeVar

from .batch import Batch
from .client import Client, Dataset, as_client
from .errors import StateError
from .fetcher import Fetcher
from .options import (
    MAX_U32,
    Auto,
    DType,
    Labels,
    Layout,
    Normalization,
    Remainder,
    Wire,
    check_choice,
    check_flag,
    check_integer,
)
from .pages import Shard
from .prefetch import prefetch as prefetch_results
from .ranks import detect_rank, detect_worker, is_worker
from .session import Session
from .stats import Stats

State = dict[str, Any]
T = TypeVar("T")


class Batches:
    """Each iteration yields an epoch, or the rest of one after `load_state_dict`, and the next one the next epoch.

    An iteration that is broken off does not count: the next one begins the same epoch again, unless
    `advance_on_break` is set.

    Args:
        client: a Client, or the address of a server.
        seed: shuffles every epoch; None keeps the natural order.
        epoch: the first epoch.
        rank, world_size: this process's share of each epoch. "auto" asks torch.distributed, the environment of
            torchrun, Slurm and Open MPI, and JAX. The workers of a DataLoader divide the share among them.
        remainder: "keep" ends with short batches, "drop" leaves them out, "pad" fills them up and masks the padding.
            By default "keep" for one rank and "drop" for several ranks with a seed, so that all ranks have equal
            numbers of batches; several ranks without a seed require a choice.
        uneven_ranks: allows "keep" where some ranks have a batch less, which hangs loops that wait for each other.
        advance_on_break: an iteration that is broken off counts as an epoch.
        normalization, dtype, labels, layout, augment, pad, version: parameters of the server.
        wire: "raw" transfers pixels and normalizes them here, to the same bits; "float32" transfers finished values;
            "auto" measures both.
        prefetch: requests in progress ahead of the loop, each in a thread; 0 for none.

    Raises:
        TypeError, ValueError: an option is invalid.
    """

    def __init__(self, client: Client | str, dataset: str = "mnist", split: str = "train", *,
                 batch_size: SupportsIndex = 128, seed: SupportsIndex | None = None, epoch: SupportsIndex = 0,
                 rank: SupportsIndex | Auto = "auto", world_size: SupportsIndex | Auto = "auto",
                 remainder: Remainder | None = None, uneven_ranks: bool = False, advance_on_break: bool = False,
                 normalization: Normalization = "standard", dtype: DType | None = None, labels: Labels = "index",
                 layout: Layout = "nchw", augment: str | None = None, pad: int | None = None,
                 version: str | None = None, wire: Wire = "auto", prefetch: SupportsIndex = 4) -> None:
        for name, value, choices in (("normalization", normalization, Normalization), ("labels", labels, Labels),
                                     ("layout", layout, Layout), ("wire", wire, Wire)):
            check_choice(name, value, choices)
        if dtype is not None:
            check_choice("dtype", dtype, DType)
            if (dtype == "uint8") != (normalization == "raw"):
                raise ValueError("dtype must be uint8 with normalization raw, and float32 or float16 with others, got "
                                 f"{dtype} with {normalization}")
        if remainder is not None:
            check_choice("remainder", remainder, Remainder)
        check_flag("uneven_ranks", uneven_ranks)
        check_flag("advance_on_break", advance_on_break)
        self.batch_size = check_integer("batch_size", batch_size, 1)
        self.seed = None if seed is None else check_integer("seed", seed, 0, MAX_U32)
        self.prefetch = check_integer("prefetch", prefetch)
        self.advance_on_break = advance_on_break
        self._fixed_rank = _check_rank(rank, world_size)
        self._remainder, self._uneven_ranks = remainder, uneven_ranks
        self._epoch, self._offset = check_integer("epoch", epoch, 0, MAX_U32), 0
        # Where iterations of this epoch begin.
        self._resume_at = 0
        # The epoch of the latest iteration while it is unfinished, whether it was broken off, and how often in a row
        # it was begun.
        self._unfinished: int | None = None
        self._is_broken = False
        self._begun = 0
        # Which DataLoader worker has the first batch of an iteration, and the batches of all workers in the latest.
        self.first_worker = self.pages = 0
        self._fetcher = Fetcher(as_client(client), dataset, split, version=version, seed=self.seed,
                                normalization=normalization, dtype=dtype, labels=labels, layout=layout,
                                augment=augment, pad=pad, wire=wire)

    def __repr__(self) -> str:
        return (f"Batches({self.dataset_name!r}, {self.split!r}, batch_size={self.batch_size}, seed={self.seed}, "
                f"epoch={self._epoch})")

    def __len__(self) -> int:
        """Batches of a whole epoch on this rank, also where an iteration continues within one; see `remaining`."""
        return len(self._shard(0))

    @property
    def remaining(self) -> int:
        """Batches in the rest of the iteration in progress, or in the next one."""
        in_progress = self._unfinished is not None and not self._is_broken
        return len(self._shard(self._offset if in_progress else self._resume_at))

    def __iter__(self) -> Iterator[Batch]:
        return self.iterate(lambda batch: batch)

    def iterate(self, convert: Callable[[Batch], T]) -> Iterator[T]:
        """Like iteration itself, with every batch converted ahead of the loop, by the threads that fetch them."""
        # Errors of options belong to this call; the iteration begins with its first batch.
        self._shard(0)
        return self._iterate(convert)

    def _iterate(self, convert: Callable[[Batch], T]) -> Iterator[T]:
        epoch, offset = self._begin()
        shard = self._shard(offset)
        self.pages = shard.pages
        group = shard.batches_per_request(self.client.max_batch_size)

        def fetch(session: Session, index: int) -> list[tuple[int, T]]:
            batches = self._fetcher.fetch(session, shard, epoch, index, group)
            return [(len(batch.labels), convert(batch)) for batch in batches]

        delivered = 0
        self.stats.start()
        asked = time.perf_counter()
        for batches in prefetch_results(fetch, -(-len(shard) // group), self.prefetch, self.client.open_session):
            for samples, batch in batches:
                delivered += 1
                self._move_to(epoch, delivered, shard)
                self.stats.record_batch(samples, asked)
                try:
                    yield batch
                except GeneratorExit:
                    self._is_broken = self._unfinished == epoch
                    raise
                asked = time.perf_counter()
        # Otherwise the last delivery has finished the epoch, and a state may have been loaded since.
        if delivered == 0 or shard.workers > 1:
            self._finish(epoch)

    def __getitem__(self, index: SupportsIndex) -> Batch:
        """One batch of the current epoch, by its number; negative ones count from the end."""
        shard = self._shard(0)
        number = check_integer("the number of a batch", index, -MAX_U32)
        if not -len(shard) <= number < len(shard):
            raise IndexError(f"the epoch has {len(shard)} batches, there is no batch {number}")
        return self._fetcher.fetch(None, shard, self._epoch, number % len(shard), 1)[0]

    @property
    def epoch(self) -> int:
        """The epoch of the iteration in progress until its last batch, or its break if that counts; then the next."""
        return self._epoch + (self._unfinished == self._epoch and self._is_broken and self.advance_on_break)

    def set_epoch(self, epoch: SupportsIndex) -> None:
        """Selects the epoch of the next iteration. Keeps the position of a state in the same epoch."""
        number = check_integer("epoch", epoch, 0, MAX_U32)
        if number != self._epoch:
            self._epoch, self._offset, self._resume_at = number, 0, 0
        self._unfinished = None

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
        # The rest of an epoch may be too short for a batch. A worker waits for the others, which may have some.
        if offset > 0 and not is_worker() and self._shard(offset).longest == 0:
            epoch, offset = epoch + 1, 0
        self._epoch, self._offset, self._resume_at = epoch, offset, offset
        self._unfinished = None

    @property
    def _identity(self) -> State:
        """What a state must agree with."""
        return {"dataset": self.dataset_name, "split": self.split, "version": self.dataset.version, "seed": self.seed}

    @property
    def client(self) -> Client:
        return self._fetcher.client

    @property
    def dataset_name(self) -> str:
        return self._fetcher.dataset_name

    @property
    def split(self) -> str:
        return self._fetcher.split

    @property
    def dataset(self) -> Dataset:
        """The description of the dataset, whose version is pinned."""
        return self._fetcher.dataset

    @property
    def stats(self) -> Stats:
        """What the iterations cost so far."""
        return self._fetcher.stats

    @property
    def total(self) -> int:
        """Samples in the split."""
        return self.dataset.total(self.split)

    @property
    def rank(self) -> int:
        return self._place[0]

    @property
    def world_size(self) -> int:
        return self._place[1]

    @property
    def remainder(self) -> Remainder:
        """What happens to the last samples; the default depends on the number of ranks."""
        if self._remainder is not None:
            return self._remainder
        if self.world_size == 1:
            return "keep"
        if self.seed is None:
            raise ValueError(
                f"{self.split} in the natural order on {self.world_size} ranks: the same last samples would be left "
                'out every time. Choose remainder="pad" and use the mask, for an exact evaluation, or '
                'remainder="drop"; or let each rank read everything with rank=0, world_size=1')
        return "drop"

    @property
    def wire(self) -> str:
        """The wire in use: of "auto", the faster one so far."""
        return self._fetcher.wire

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rank_of_parent": self._place}

    @property
    def _place(self) -> tuple[int, int]:
        """Rank and world size, detected anew each time, since libraries may be initialized after this object."""
        if self._fixed_rank is not None:
            return self._fixed_rank
        of_parent: tuple[int, int] | None = self.__dict__.get("_rank_of_parent")
        return of_parent if of_parent is not None and is_worker() else detect_rank()

    def _shard(self, offset: int) -> Shard:
        rank, world_size = self._place
        worker, workers = detect_worker()
        worker = (worker - self.first_worker) % workers
        shard = Shard(self.total, self.batch_size, rank, world_size, self.remainder, offset, worker, workers)
        if not (self._uneven_ranks or shard.is_even):
            raise ValueError(
                f'remainder="keep" gives some of the {world_size} ranks a batch less, and loops that wait for each '
                'other would hang. Choose remainder="drop" or "pad", or set uneven_ranks=True')
        if shard.remainder == "drop" and 0 < shard.total < shard.page_size:
            raise ValueError(
                f"{self.split} has {shard.total} samples, so remainder=\"drop\" leaves no batch of {self.batch_size} "
                f"for {world_size} ranks; choose a smaller batch_size")
        return shard

    def _begin(self) -> tuple[int, int]:
        """Epoch and offset of an iteration that begins now."""
        if self._unfinished != self._epoch:
            self._begun = 0
        elif self.advance_on_break:
            self._epoch, self._resume_at, self._begun = self._epoch + 1, 0, 0
        self._begun += 1
        if self._begun == 3:
            warnings.warn(
                f"epoch {self._epoch} of {self.split} begins a third time, since its iterations were broken off: the "
                "loop sees the same batches again. To go on with the next epoch after a break, set "
                "advance_on_break=True, or call set_epoch", stacklevel=3)
        self._unfinished, self._is_broken, self._offset = self._epoch, False, self._resume_at
        return self._epoch, self._offset

    def _move_to(self, epoch: int, delivered: int, shard: Shard) -> None:
        """Records a delivery. After the last one of an epoch, the state is the start of the next epoch."""
        # A worker cannot tell for the others.
        if delivered == len(shard) and shard.workers == 1:
            self._finish(epoch)
        else:
            self._epoch, self._offset = epoch, shard.consumed(delivered)

    def _finish(self, epoch: int) -> None:
        self._epoch, self._offset, self._resume_at, self._unfinished = epoch + 1, 0, 0, None


def _check_rank(rank: SupportsIndex | Auto, world_size: SupportsIndex | Auto) -> tuple[int, int] | None:
    """Rank and world size, or None to detect them."""
    if rank == "auto" and world_size == "auto":
        return None
    if isinstance(rank, str) or isinstance(world_size, str):
        raise ValueError(f'rank and world_size must both be "auto", or both be numbers, got {rank!r} and '
                         f"{world_size!r}")
    size = check_integer("world_size", world_size, 1)
    return check_integer("rank", rank, 0, size - 1), size
