"""When to send a request again."""

from __future__ import annotations

import random
from dataclasses import dataclass

RETRIED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter: half a second at most, then up to 4 times as long each time."""

    retries: int = 5
    base: float = 0.5
    factor: float = 4.0
    longest: float = 30.0

    def delay(self, attempt: int, retry_after: str | None = None) -> float:
        """Seconds to wait after this number of failures, at least as long as the server asked for."""
        jitter = random.uniform(0, min(self.longest, self.base * self.factor ** (attempt - 1)))
        return jitter + parse_retry_after(retry_after)


def parse_retry_after(value: str | None) -> float:
    """Seconds; a date counts as none, since clocks differ."""
    return float(value) if value is not None and value.isdigit() else 0.0
