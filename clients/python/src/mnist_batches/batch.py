"""What the training loop receives."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray


class Batch(NamedTuple):
    """Arrays with one row per sample."""

    images: NDArray[Any]
    labels: NDArray[Any]
    ids: NDArray[Any]
    """int32: positions of the samples in the split."""
    mask: NDArray[Any] | None = None
    """uint8: 1 for samples, 0 for padding; only with remainder="pad"."""

    def rows(self, start: int, stop: int) -> Batch:
        """Views of some of the rows."""
        mask = None if self.mask is None else self.mask[start:stop]
        return Batch(self.images[start:stop], self.labels[start:stop], self.ids[start:stop], mask)
