"""Results of a function for 0, 1, 2, … in order, computed ahead by threads that end with the iterator."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Generic, TypeVar

from .session import Aborted, Session

T = TypeVar("T")


def prefetch(fetch: Callable[[Session, int], T], count: int, depth: int,
             open_session: Callable[[], Session]) -> Iterator[T]:
    """Yields fetch(session, i) for i from 0 to count - 1.

    Args:
        depth: results computed ahead, each by a thread with its own session; 0 computes in the caller.
    """
    if depth == 0:
        session = open_session()
        try:
            for index in range(count):
                yield fetch(session, index)
        finally:
            session.close()
        return
    # The threads refer to the pipeline, never to this generator, so an abandoned one is closed when it is collected.
    with closing(_Pipeline(fetch, count, depth, open_session)) as pipeline:
        for index in range(count):
            yield pipeline.take(index)


# Closed before the interpreter takes down what their threads need.
_open_pipelines: weakref.WeakSet[_Pipeline[Any]] = weakref.WeakSet()


@atexit.register
def _close_pipelines() -> None:
    for pipeline in list(_open_pipelines):
        pipeline.close()


class _Pipeline(Generic[T]):
    def __init__(self, fetch: Callable[[Session, int], T], count: int, depth: int,
                 open_session: Callable[[], Session]) -> None:
        self._fetch, self._count, self._depth = fetch, count, depth
        self._changed = threading.Condition()
        self._results: dict[int, T | BaseException] = {}
        self._started = self._taken = 0
        self._closed = False
        self._sessions = [open_session() for _ in range(min(depth, count))]
        self._threads = [threading.Thread(target=self._work, args=(session,), name="mnist-batches", daemon=True)
                         for session in self._sessions]
        self._process = os.getpid()
        _open_pipelines.add(self)
        for thread in self._threads:
            thread.start()

    def take(self, index: int) -> T:
        with self._changed:
            while index not in self._results:
                self._changed.wait()
            result = self._results.pop(index)
            self._taken = index + 1
            self._changed.notify_all()
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        if os.getpid() != self._process:
            # A fork has copies of the connections, but neither the threads nor usable locks.
            for session in self._sessions:
                session.close()
            return
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for session in self._sessions:
            session.abort()
        for thread in self._threads:
            thread.join()

    def _work(self, session: Session) -> None:
        try:
            while (index := self._next()) is not None:
                result: T | BaseException
                try:
                    result = self._fetch(session, index)
                except Aborted:
                    return
                except BaseException as error:
                    result = error
                with self._changed:
                    self._results[index] = result
                    self._changed.notify_all()
        finally:
            session.close()

    def _next(self) -> int | None:
        """The next index, as soon as it is at most `depth` ahead."""
        with self._changed:
            while not self._closed and self._started < self._count and self._started >= self._taken + self._depth:
                self._changed.wait()
            if self._closed or self._started >= self._count:
                return None
            self._started += 1
            return self._started - 1
