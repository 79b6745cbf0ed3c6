"""The order of an epoch, as the server's documentation specifies it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def epoch_order(total: int, seed: int | None, epoch: int) -> NDArray[np.int32]:
    """The ids of a split's samples in the order of an epoch; without a seed, the natural order."""
    ids = np.arange(total, dtype=np.uint32)
    if seed is None:
        return ids.astype(np.int32)
    a = _mix(np.array([seed], np.uint32))
    b = _mix(a ^ _mix(np.array([epoch], np.uint32) + np.uint32(0x9E3779B9)))
    return np.argsort(_mix(_mix(ids ^ a) + b)).astype(np.int32)


def _mix(h: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's 32-bit finalizer."""
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))
