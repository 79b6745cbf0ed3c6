"""Keras, with any backend: batches for `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from .batch import Batch
from .batches import Batches

# Keras takes an adapter as it is from this version on.
_SINCE = (3, 7)


def dataset(source: Batches) -> BatchAdapter:
    """Data for `model.fit(dataset(train), validation_data=dataset(val))`, `evaluate` and `predict`.

    (images, labels) of each batch, or (images, labels, mask) with padding: Keras takes the mask for weights. The
    order is that of the batches, whatever `shuffle` says. With `steps_per_epoch`, the next epoch of Keras continues
    where the last one ended.
    """
    if tuple(map(int, keras.__version__.split(".")[:2])) < _SINCE:
        raise ImportError(f"Keras {'.'.join(map(str, _SINCE))} or newer is required, this is {keras.__version__}: "
                          "pip install -U keras")
    return BatchAdapter(source)


class BatchAdapter(DataAdapter):  # type: ignore[misc]
    """Passes whole iterations of the batches on. `keras.utils.PyDataset` would not do: Keras requests its batches by
    number, in an order of its own, and its workers repeat some of them after looking at the first ones.
    """

    def __init__(self, source: Batches) -> None:
        super().__init__()
        self._source = source
        self._delivered = 0

    def __repr__(self) -> str:
        return f"mnist_batches.keras.dataset({self._source!r})"

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return len(self._source)

    def get_numpy_iterator(self) -> Iterator[tuple[Any, ...]]:
        return map(Batch.columns, self._iterate())

    get_jax_iterator = get_numpy_iterator

    def get_tf_dataset(self) -> Any:
        from .tensorflow import from_batches

        return from_batches(self._source, self._iterate)

    def get_torch_dataloader(self) -> Any:
        from keras.src.trainers.data_adapters import data_adapter_utils

        return data_adapter_utils.get_torch_dataloader(_Iterations(self))

    @property
    def num_batches(self) -> int:
        return len(self._source)

    @property
    def batch_size(self) -> int:
        return self._source.batch_size

    @property
    def has_partial_batch(self) -> bool:
        return self.partial_batch_size > 0

    @property
    def partial_batch_size(self) -> int:
        return self._source.total % self._source.batch_size if self._source.remainder == "keep" else 0

    def on_epoch_begin(self) -> None:
        pass

    def on_epoch_end(self) -> None:
        # Keras looks at the first batch to build a model, which is no iteration that was broken off.
        if self._delivered == 1:
            self._source.set_epoch(self._source.epoch)

    def _iterate(self) -> Iterator[Batch]:
        self._delivered = 0
        for batch in self._source:
            self._delivered += 1
            yield batch


class _Iterations:
    """Each iteration is one of the adapter."""

    def __init__(self, adapter: BatchAdapter) -> None:
        self._adapter = adapter

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._adapter.get_numpy_iterator()

