"""TensorFlow: a tf.data.Dataset of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from .batch import Batch
from .batches import Batches


def dataset(source: Batches) -> Any:
    """A tf.data.Dataset of (images, labels), or of (images, labels, mask) with padding: Keras takes the mask for
    weights. Each iteration of it is an epoch.
    """
    return from_batches(source, lambda: iter(source))


def from_batches(source: Batches, iterate: Callable[[], Iterator[Batch]]) -> Any:
    """A tf.data.Dataset, each of whose iterations is one of `iterate`."""
    first = source[0]
    is_static = source.remainder != "keep"

    def spec(array: Any) -> Any:
        length = array.shape[0] if is_static else None
        return tf.TensorSpec((length, *array.shape[1:]), array.dtype)

    def generate() -> Iterator[tuple[Any, ...]]:
        return map(Batch.columns, iterate())

    # A state describes what the loop has received, so tf.data must not fetch ahead; the threads of `source` do.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    return tf.data.Dataset.from_generator(generate, output_signature=tuple(map(spec, first.columns()))) \
        .with_options(options)

