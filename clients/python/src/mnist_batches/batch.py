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

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in self._asdict().items()
                           if array is not None)
        return f"Batch({arrays})"

    def columns(self) -> tuple[NDArray[Any], ...]:
        """As Keras and tf.data take them: x, y and, where some samples do not count, their weights."""
        return (self.images, self.labels) if self.mask is None else (self.images, self.labels, self.mask)

    def rows(self, start: int, stop: int) -> Batch:
        """Views of some of the rows."""
        mask = None if self.mask is None else self.mask[start:stop]
        return Batch(self.images[start:stop], self.labels[start:stop], self.ids[start:stop], mask)

    def compact(self) -> Batch:
        """The same, with small arrays of their own: a program that keeps labels does not keep the images."""
        mask = None if self.mask is None else self.mask.copy()
        return Batch(self.images, self.labels.copy(), self.ids.copy(), mask)
