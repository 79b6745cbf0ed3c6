"""What a batch of tensors consists of: images, labels, and on request ids and mask."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from ..batch import Batch
from ..batches import Batches


class _Pair(NamedTuple):
    images: Tensor
    labels: Tensor


class _PairWithIds(NamedTuple):
    images: Tensor
    labels: Tensor
    ids: Tensor
    """int32: positions of the samples in the split."""


class _PairWithMask(NamedTuple):
    images: Tensor
    labels: Tensor
    mask: Tensor
    """uint8: 1 for samples, 0 for padding."""


class _TensorBatch(NamedTuple):
    images: Tensor
    labels: Tensor
    ids: Tensor
    mask: Tensor


class _FromSequence:
    """Some trainers rebuild a batch as ``type(batch)(values)``, like that of a plain tuple."""

    __slots__ = ()

    def __new__(cls, *values: Any) -> Any:
        return super().__new__(cls, *(values if len(values) > 1 else tuple(values[0])))


class Pair(_FromSequence, _Pair):
    __slots__ = ()


class PairWithIds(_FromSequence, _PairWithIds):
    __slots__ = ()


class PairWithMask(_FromSequence, _PairWithMask):
    __slots__ = ()


class TensorBatch(_FromSequence, _TensorBatch):
    __slots__ = ()


class Fields:
    """Selects what a batch has."""

    def __init__(self, batches: Batches, with_ids: bool, with_mask: bool) -> None:
        self._batches, self._with_ids, self._with_mask = batches, with_ids, with_mask

    def check(self) -> None:
        """
        Raises:
            ValueError: batches would have padding that cannot be told from samples.
        """
        if self._batches.remainder == "pad" and not self._with_mask:
            raise ValueError('remainder="pad" fills batches up with samples that must not count: add with_mask=True '
                             'and use the mask, or choose remainder="drop"')

    def select(self, batch: Batch, convert: Any) -> Any:
        images, labels = convert(batch.images), convert(batch.labels)
        if not self._with_mask:
            return PairWithIds(images, labels, convert(batch.ids)) if self._with_ids else Pair(images, labels)
        mask = convert(np.ones(len(batch.ids), np.uint8) if batch.mask is None else batch.mask)
        if not self._with_ids:
            return PairWithMask(images, labels, mask)
        return TensorBatch(images, labels, convert(batch.ids), mask)
