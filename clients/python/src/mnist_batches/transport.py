"""Sends requests until they succeed: retries, several servers, redirects and the cache."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .address import Address, resolve_redirect
from .cache import DiskCache
from .errors import BatchServerError
from .failures import HINT, NETWORK_ERRORS, FinalError, describe_failure, is_final
from .outages import Outages
from .progress import ProgressBar
from .retry import TRANSIENT, RetryPolicy, requested_pause
from .session import Response, Session

logger = logging.getLogger("mnist_batches")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5


class Transport:
    """Requests to a server, or to several equivalent ones. May be shared by threads, and copied to processes.

    Args:
        servers: the first one is asked; after a failure, the next.
        token: an API key, which only these servers get.
        timeout: seconds to connect, and seconds without a byte of the response.
    """

    def __init__(self, servers: Sequence[Address], token: str | None, policy: RetryPolicy,
                 timeout: tuple[float, float], cache: DiskCache | None) -> None:
        self.servers, self.policy, self.cache = list(servers), policy, cache
        self._token, self._timeout = token, timeout
        # Entries of the cache keep their names when a server moves.
        self._name = str(self.servers[0])
        self._trusted = {server.origin for server in servers}
        self._current = 0
        self._outages = Outages()
        self._is_offline = False
        self._local = threading.local()
        self.retried = 0
        """Requests that were sent again."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _local=threading.local())

    def open_session(self) -> Session:
        """A connection of its own for a thread."""
        return Session(self._timeout)

    def request(self, method: str, target: str, body: bytes | None = None, *, session: Session | None = None,
                compress: bool = False, fallback: Response | None = None) -> Response:
        """Sends a request until it succeeds, or takes its response from the cache.

        Args:
            target: path and query.
            session: of a thread that may be aborted; by default, each thread has one.
            compress: whether the server may compress the body.
            fallback: used if no server can be reached.

        Raises:
            BatchServerError: the server rejects the request, or it cannot be reached until the deadline.
        """
        session = session or self._own_session
        headers = {"Accept-Encoding": "gzip" if compress else "identity"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.cache is None or method != "GET":
            return self._send(session, method, target, headers, body, fallback)
        key = f"{self._name}{target} {headers['Accept-Encoding']}"
        stored, is_fresh = self.cache.find(key) or (fallback, False)
        if is_fresh and stored is not None:
            return stored
        if stored is not None and "etag" in stored.headers:
            headers["If-None-Match"] = stored.headers["etag"]
        response = self._send(session, method, target, headers, body, stored)
        if stored is not None and (response is stored or response.status == 304):
            return stored
        self.cache.store(key, response)
        return response

    def _send(self, session: Session, method: str, target: str, headers: dict[str, str], body: bytes | None,
              stored: Response | None = None) -> Response:
        """Args:
            stored: the response to use if no server can be reached.
        """
        failures, deadline = 0, None
        with ProgressBar() as progress:
            while True:
                current = self._current
                server = self.servers[current % len(self.servers)]
                pause = 0.0
                try:
                    response = self._follow(session, server, method, target, headers, body)
                except NETWORK_ERRORS as error:
                    failure = self._unreachable(server, error)
                    if is_final(error):
                        raise failure from error
                    failure.__cause__ = error
                    if stored is not None and (failures + 1) % len(self.servers) == 0:
                        self._report_offline(server, failure.reason)
                        return stored
                else:
                    if response.status in (200, 304):
                        self._outages.report_success(server)
                        return response
                    problem = _problem(response)
                    failure = BatchServerError.from_problem(response.status, problem)
                    if response.status not in TRANSIENT:
                        raise failure
                    pause = requested_pause(response.headers)
                    if failure.code == "dataset_loading":
                        # Preparation takes as long as it takes, and the server reports that it goes on.
                        self._outages.report_success(server)
                        failures, deadline = 0, None
                        _show_preparation(progress, problem)
                        session.sleep(max(0.2, pause))
                        continue
                failures += 1
                now = time.monotonic()
                deadline = now + self.policy.give_up_after if deadline is None else deadline
                self._report_failure(server, failure, current)
                # The next server is tried at once, unless all have failed in this round.
                self._current = current + 1
                round_, rest = divmod(failures, len(self.servers))
                pause = self.policy.pause(round_, pause) if rest == 0 else 0.0
                if now + pause > deadline and rest == 0:
                    raise self._given_up(failure, failures, pause)
                self.retried += 1
                self._sleep(session, pause, progress, server)

    def _follow(self, session: Session, server: Address, method: str, target: str, headers: dict[str, str],
                body: bytes | None) -> Response:
        """One attempt, through redirects. A key is sent to none but the servers of this client."""
        for _ in range(_MAX_REDIRECTS + 1):
            authorized = {**headers, "Authorization": f"Bearer {self._token}"} \
                if self._token and server.origin in self._trusted else headers
            response = session.exchange(server, method, target, authorized, body)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or location is None:
                return response
            if response.status == 303:
                method, body = "GET", None
            moved = server
            try:
                server, target = resolve_redirect(server, target, location)
            except ValueError as error:
                raise FinalError(f"its redirect cannot be followed: {error}") from None
            if response.status in (301, 308):
                self._remember_move(moved, server)
        raise FinalError(f"more than {_MAX_REDIRECTS} redirects")

    def _remember_move(self, old: Address, new: Address) -> None:
        """Later requests go to the new address at once, if the old one would send the key there."""
        if old in self.servers and (not self._token or new.origin in self._trusted):
            self.servers[self.servers.index(old)] = new

    def _unreachable(self, server: Address, error: BaseException) -> BatchServerError:
        reason = describe_failure(error)
        return BatchServerError(f"{server} cannot be reached: {reason}", reason=reason)

    def _report_failure(self, server: Address, failure: BatchServerError, current: int) -> None:
        # A limit on the rate of requests is no outage.
        if failure.status == 429 or self.policy.give_up_after == 0:
            return
        hint = HINT if failure.status is None else ""
        plan = f"continuing with {self.servers[(current + 1) % len(self.servers)]}." if len(self.servers) > 1 else \
            f"retrying for up to {self.policy.give_up_after:.0f} s. {hint}".rstrip()
        self._outages.report_failure(server, failure.reason, plan)

    def _report_offline(self, server: Address, reason: str) -> None:
        if not self._is_offline:
            self._is_offline = True
            logger.warning("%s cannot be reached (%s); using what the cache has of it.", server, reason)

    def _given_up(self, failure: BatchServerError, attempts: int, pause: float) -> BatchServerError:
        if pause > max(self.policy.give_up_after, self.policy.longest):
            detail = f"{failure.detail}; it asks for a pause of {pause:.0f} s"
        elif attempts <= len(self.servers):
            detail = failure.detail
        else:
            detail = f"{failure.detail}; given up after {attempts} attempts in {self.policy.give_up_after:.0f} s"
        if failure.status is None:
            detail += f". {HINT}"
        error = BatchServerError(detail, status=failure.status, code=failure.code, allowed=failure.allowed)
        error.__cause__ = failure.__cause__
        return error

    def _sleep(self, session: Session, seconds: float, progress: ProgressBar, server: Address) -> None:
        """A pause in which the progress bar tells how long the server has been away."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            away = self._outages.seconds(server)
            progress.update(f"server away, {away:.0f} s", away, self.policy.give_up_after)
            session.sleep(min(left, 1.0))

    @property
    def _own_session(self) -> Session:
        """The session of this thread; a forked process must not share its parent's connections."""
        if getattr(self._local, "process", None) != os.getpid():
            self._local.process, self._local.session = os.getpid(), self.open_session()
        session: Session = self._local.session
        return session


def _problem(response: Response) -> dict[str, Any]:
    """The problem document of a response; proxies send others."""
    problem = None
    with contextlib.suppress(ValueError):
        problem = json.loads(response.body.tobytes())
    return problem if isinstance(problem, dict) else {"detail": f"the server responded with {response.status}"}


def _show_preparation(bar: ProgressBar, problem: Mapping[str, Any]) -> None:
    progress = problem.get("progress") or {}
    text = f"{progress.get('stage', 'waiting')} {progress.get('item', '')}".strip()
    bar.update(text, progress.get("done") or 0, progress.get("total") or 0)
