"""What is transferred: finished float32 values, or raw pixels to normalize on the client."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence

WIRES = ("raw", "float32", "auto")

# Requests of each kind before `auto` decides.
_SAMPLES = 3
# Requests in progress slow each other down, so only a clear difference counts against raw pixels, which are smaller.
_CLEARLY_FASTER = 0.7
# Below this, compressing takes less time than transferring what it saves.
_SLOW_BYTES_PER_SECOND = 15e6
# Transfers that must all be slow, since a busy machine delays single ones.
_TRANSFERS = 5
_MIN_BYTES = 50_000


class WireChoice:
    """Picks the faster wire by the seconds that the first requests take. The bits are the same either way."""

    def __init__(self, wires: Sequence[str]) -> None:
        self._seconds: dict[str, list[float]] = {wire: [] for wire in wires}
        self._pending = [wire for _ in range(_SAMPLES) for wire in wires] if len(wires) > 1 else []
        self._lock = threading.Lock()
        self._rates: deque[float] = deque(maxlen=_TRANSFERS)

    def next(self) -> str:
        with self._lock:
            return self._pending.pop() if self._pending else self.best

    def record(self, wire: str, seconds: float, wire_bytes: int, transfer_seconds: float) -> None:
        with self._lock:
            if len(self._seconds[wire]) < _SAMPLES:
                self._seconds[wire].append(seconds)
            if wire_bytes > _MIN_BYTES:
                self._rates.append(wire_bytes / max(transfer_seconds, 1e-9))

    @property
    def best(self) -> str:
        """Decided by the fastest request of each wire, since the first ones open connections."""
        fastest = {wire: min(seconds, default=math.inf) for wire, seconds in self._seconds.items()}
        raw = fastest.pop("raw", math.inf)
        for wire, seconds in fastest.items():
            if "raw" not in self._seconds or seconds < _CLEARLY_FASTER * raw:
                return wire
        return "raw"

    @property
    def compress(self) -> bool:
        with self._lock:
            return len(self._rates) == _TRANSFERS and max(self._rates) < _SLOW_BYTES_PER_SECOND

    def __getstate__(self) -> dict[str, object]:
        return {"wires": list(self._seconds)}

    def __setstate__(self, state: dict[str, Sequence[str]]) -> None:
        self.__init__(state["wires"])  # type: ignore[misc]
