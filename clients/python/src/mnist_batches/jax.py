"""JAX: batches on a device, copied ahead of the loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from .batches import Batches


class ArrayBatch(NamedTuple):
    """A `Batch` of jax.Array. JAX has no 64-bit integers by default, so class numbers become int32."""

    images: Any
    labels: Any
    ids: Any
    mask: Any = None


def batches(source: Batches, device: Any = None) -> Iterator[ArrayBatch]:
    """The batches of one iteration, copied by the threads that fetch them.

    Args:
        device: a jax.Device or a Sharding; the default device if None.
    """
    return source.iterate(lambda batch: ArrayBatch(*jax.device_put(tuple(batch), device)))
