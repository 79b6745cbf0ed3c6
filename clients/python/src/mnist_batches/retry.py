"""Which failures are worth another attempt, and when."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504, *range(520, 525)})
"""Statuses after which the same request may succeed; 520 to 524 are those of a CDN that cannot reach the server."""


@dataclass(frozen=True)
class RetryPolicy:
    """Attempts go on until a deadline, with pauses that double up to two seconds.

    Args:
        give_up_after: seconds from the first failure of a request to the last attempt; 0 for a single attempt.
    """

    give_up_after: float = 300.0
    shortest: float = 0.1
    longest: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.give_up_after < math.inf:
            raise ValueError(f"give_up_after must be a number of seconds of at least 0, got {self.give_up_after!r}")

    def pause(self, round_: int, requested: float = 0.0) -> float:
        """Seconds before the next attempt, after this number of failed rounds over all servers.

        Half of it is random, so that clients that failed together do not come back together.
        """
        longest = min(self.longest, self.shortest * 2.0 ** min(round_ - 1, 30))
        return max(requested, 0.0) + random.uniform(longest / 2, longest)


def requested_pause(headers: Mapping[str, str]) -> float:
    """Seconds that a response asks for in Retry-After, a number or a date (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        # Both dates are of the server's clock, so that of the client does not matter.
        until, now = (parsedate_to_datetime(date) for date in (value, headers.get("date", "")))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, IndexError):
        return 0.0
