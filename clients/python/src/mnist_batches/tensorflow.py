"""TensorFlow: a tf.data.Dataset of batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from .batches import Batches


def dataset(source: Batches) -> Any:
    """A tf.data.Dataset of (images, labels), or of (images, labels, mask) with padding: Keras takes the mask for
    weights. Each iteration of it is an epoch.
    """
    first = source[0]
    names = ("images", "labels") if first.mask is None else ("images", "labels", "mask")
    is_static = source.remainder != "keep"

    def spec(name: str) -> Any:
        array = getattr(first, name)
        length = array.shape[0] if is_static else None
        return tf.TensorSpec((length, *array.shape[1:]), array.dtype)

    def generate() -> Iterator[tuple[Any, ...]]:
        for batch in source:
            yield tuple(getattr(batch, name) for name in names)

    return tf.data.Dataset.from_generator(generate, output_signature=tuple(map(spec, names)))
