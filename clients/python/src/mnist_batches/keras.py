"""Keras, with any backend: batches for `model.fit`."""

from __future__ import annotations

from typing import Any

import keras

from .batches import Batches


class PyDataset(keras.utils.PyDataset):  # type: ignore[misc]
    """(images, labels) of each batch, or (images, labels, mask) with padding: Keras takes the mask for weights.

    Keras requests batches by number and fetches them ahead with `workers` threads.
    """

    def __init__(self, source: Batches, workers: int = 4, max_queue_size: int = 8) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=max_queue_size)
        self._source = source
        self._requested: set[int] = set()

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        batch = self._source[index]
        self._requested.add(index)
        return (batch.images, batch.labels) if batch.mask is None else (batch.images, batch.labels, batch.mask)

    def on_epoch_end(self) -> None:
        # Keras also calls this before the first epoch, and after looking at a few batches.
        if len(self._requested) < len(self):
            return
        self._requested.clear()
        self._source.set_epoch(self._source.epoch + 1)
