"""One warning when a server goes away, and one when it is back, however many requests notice."""

from __future__ import annotations

import logging
import threading
import time

from .address import Address

logger = logging.getLogger("mnist_batches")


class Outages:
    """The servers that are away, shared by all threads of a client."""

    def __init__(self) -> None:
        self._since: dict[Address, float] = {}
        self._lock = threading.Lock()

    def report_failure(self, server: Address, reason: str, plan: str) -> None:
        """Logs the first failure of an outage, and what the client does about it."""
        with self._lock:
            if server in self._since:
                return
            self._since[server] = time.monotonic()
        logger.warning("%s is unavailable (%s); %s", server, reason, plan)

    def report_success(self, server: Address) -> None:
        """Logs the end of an outage."""
        if server not in self._since:
            return
        with self._lock:
            since = self._since.pop(server, None)
        if since is not None:
            logger.warning("%s answers again after %.1f s.", server, time.monotonic() - since)

    def seconds(self, server: Address) -> float:
        """How long the server has been away."""
        since = self._since.get(server)
        return 0.0 if since is None else time.monotonic() - since

    def __getstate__(self) -> dict[str, object]:
        return {}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__()  # type: ignore[misc]
