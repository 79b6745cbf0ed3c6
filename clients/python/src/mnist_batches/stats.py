"""What an iteration cost."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

# Enough for percentiles, and little memory in a run of weeks.
_LATEST = 4096


@dataclass
class Stats:
    """Totals since the batches were created, or since `reset`."""

    batches: int = 0
    samples: int = 0
    requests: int = 0
    wire_bytes: int = 0
    wait_seconds: float = 0.0
    """Time that the loop waited for batches."""
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST), repr=False)
    """Seconds that the loop waited for each of the latest batches."""
    seconds: float = 0.0
    """From the request for the first batch to the latest delivery, over all iterations."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _last: float = field(default=0.0, repr=False, compare=False)

    @property
    def wait_share(self) -> float:
        """Share of the time that the loop spent waiting for data."""
        return self.wait_seconds / self.seconds if self.seconds > 0 else 0.0

    @property
    def samples_per_second(self) -> float:
        return self.samples / self.seconds if self.seconds > 0 else 0.0

    def reset(self) -> None:
        self.batches = self.samples = self.requests = self.wire_bytes = 0
        self.wait_seconds = self.seconds = 0.0
        self.waits.clear()

    def start(self) -> None:
        self._last = time.perf_counter()

    def record_request(self, wire_bytes: int) -> None:
        with self._lock:
            self.requests += 1
            self.wire_bytes += wire_bytes

    def record_batch(self, samples: int, asked: float) -> None:
        """A batch is delivered, for which the loop has waited since `asked`."""
        now = time.perf_counter()
        self.batches += 1
        self.samples += samples
        self.wait_seconds += now - asked
        self.waits.append(now - asked)
        self.seconds += now - self._last
        self._last = now

    def __str__(self) -> str:
        return (f"{self.samples:,} samples in {self.seconds:.1f} s ({self.samples_per_second:,.0f}/s), "
                f"{self.wait_share:.0%} of the time spent waiting, {self.wire_bytes / 1e6:,.1f} MB in "
                f"{self.requests:,} requests")

    def __getstate__(self) -> dict[str, object]:
        return {}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__()  # type: ignore[misc]
