"""Options of batches and samples: their types, defaults and validation."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
from typing import Any, Literal, SupportsIndex, TypedDict, get_args

Auto = Literal["auto"]
Remainder = Literal["keep", "drop", "pad"]
Normalization = Literal["raw", "unit", "centered", "standard"]
DType = Literal["float32", "float16", "uint8"]
Labels = Literal["onehot", "index"]
Layout = Literal["flat", "nhwc", "nchw"]
Wire = Literal["raw", "float32", "auto"]

MAX_U32 = 2**32 - 1


class SampleOptions(TypedDict, total=False):
    """Options of single samples, see `Client.gather`."""

    normalization: Normalization
    dtype: DType | None
    layout: Layout
    augment: str | None
    seed: SupportsIndex | None
    epoch: SupportsIndex
    pad: int | None
    version: str | None


class GatherOptions(SampleOptions, total=False):
    """Options of gathered samples, see `Client.gather`."""

    labels: Labels


SAMPLE_DEFAULTS: GatherOptions = {"normalization": "standard", "labels": "index", "layout": "nchw"}


class BatchOptions(TypedDict, total=False):
    """Options of `Batches`, which describes them."""

    batch_size: SupportsIndex
    seed: SupportsIndex | None
    epoch: SupportsIndex
    rank: SupportsIndex | Auto
    world_size: SupportsIndex | Auto
    remainder: Remainder | None
    uneven_ranks: bool
    advance_on_break: bool
    normalization: Normalization
    dtype: DType | None
    labels: Labels
    layout: Layout
    augment: str | None
    pad: int | None
    version: str | None
    wire: Wire
    prefetch: SupportsIndex


def check_choice(name: str, value: object, choices: Any) -> None:
    """
    Args:
        choices: a Literal type.
    """
    allowed = get_args(choices)
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def check_integer(name: str, value: object, minimum: int = 0, maximum: int | None = None) -> int:
    """An int, also from an integer of NumPy, which JSON cannot encode."""
    limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer {limits}, got {value!r}") from None
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} must be an integer {limits}, got {number}")
    return number


def check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def check_names(given: Iterable[str], allowed: Iterable[str]) -> None:
    """
    Raises:
        TypeError: an option has another name; the nearest one is suggested.
    """
    names = list(allowed)
    for name in given:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(names)}"
            raise TypeError(f"there is no option {name!r}; {hint}")
