"""Reads safetensors (github.com/huggingface/safetensors, "Format") without copies."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPES = {"F32": "<f4", "F16": "<f2", "U8": "u1", "I32": "<i4", "I64": "<i8"}


def read_tensors(body: NDArray[np.uint8]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Name -> array, each a view of the body, and the metadata."""
    start = 8 + int.from_bytes(body[:8].tobytes(), "little")
    header = json.loads(body[8:start].tobytes())
    metadata = header.pop("__metadata__", {})
    return {name: _view(body[start:], entry) for name, entry in header.items()}, metadata


def _view(data: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    return data[begin:end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
