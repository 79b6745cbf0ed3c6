"""The server's arithmetic, on the client: raw pixels to the same bits that the server computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Normalizer = Callable[[NDArray[np.uint8]], NDArray[Any]]
Scale = float | NDArray[np.float32]

_LEVELS = np.float32(255)


def normalizer(normalization: str, dtype: str, *, mean: Scale, std: Scale,
               mean_image: NDArray[np.float32] | None = None) -> Normalizer:
    """Maps raw images to those of a normalization.

    Args:
        mean, std: of the training split's pixels, broadcast to the images, for ``standard``.
        mean_image: broadcast to the images, for ``centered``.
    """
    def normalize(raw: NDArray[np.uint8]) -> NDArray[Any]:
        # In place, since memory that is not yet mapped costs more than the arithmetic.
        images = np.divide(raw, _LEVELS, dtype=np.float32)
        if normalization == "centered":
            assert mean_image is not None
            np.subtract(images, mean_image, out=images)
        elif normalization == "standard":
            np.subtract(images, np.asarray(mean, np.float32), out=images)
            np.divide(images, np.asarray(std, np.float32), out=images)
        return images.astype(np.float16) if dtype == "float16" else images

    return normalize
