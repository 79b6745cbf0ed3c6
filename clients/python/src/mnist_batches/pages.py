"""How an epoch is divided among ranks and DataLoader workers into batches, and batches into requests."""

from __future__ import annotations

from dataclasses import dataclass, replace

# Requests are about this large: their overhead is small then, and the first batch still arrives soon.
_SAMPLES_PER_REQUEST = 1024


@dataclass(frozen=True)
class Shard:
    """The batches of one rank, or of one of its DataLoader workers, from a sample of the epoch on.

    Page p covers the positions offset + p·B·W to offset + (p+1)·B·W - 1 of the order, and rank r gets the r-th run of
    B positions. Workers take the pages of their rank in turn.
    """

    total: int
    batch_size: int
    rank: int = 0
    world_size: int = 1
    remainder: str = "keep"
    offset: int = 0
    worker: int = 0
    workers: int = 1

    @property
    def page_size(self) -> int:
        return self.batch_size * self.world_size

    @property
    def pages(self) -> int:
        """Pages from the offset on that contain samples of this rank."""
        left = self.total - self.offset
        if self.remainder == "drop":
            return left // self.page_size
        first = 0 if self.remainder == "pad" else self.rank * self.batch_size
        return max(0, -(-(left - first) // self.page_size))

    def __len__(self) -> int:
        """Batches of this worker."""
        return len(range(self.worker, self.pages, self.workers))

    def page(self, index: int) -> int:
        """The page of a batch of this worker."""
        return self.worker + index * self.workers

    def consumed(self, batches: int) -> int:
        """The offset at which the rest of the epoch begins after this many batches.

        For one of several workers, its next page is relative to this offset what its first page was to the first one.
        """
        return min(self.offset + batches * self.workers * self.page_size, self.total)

    @property
    def longest(self) -> int:
        """Pages of the first rank, which never has fewer than another."""
        return replace(self, rank=0).pages

    @property
    def is_even(self) -> bool:
        """Whether all ranks have equal numbers of batches."""
        return replace(self, rank=self.world_size - 1).pages == self.longest

    def batches_per_request(self, max_batch_size: int) -> int:
        """Batches whose samples are contiguous in the order come in one request."""
        if self.world_size > 1 or self.workers > 1:
            return 1
        return max(1, min(_SAMPLES_PER_REQUEST, max_batch_size) // self.batch_size)
