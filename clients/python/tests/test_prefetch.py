from __future__ import annotations

import threading

import pytest

from mnist_batches.prefetch import prefetch
from mnist_batches.session import Aborted, Session


def open_session() -> Session:
    return Session((1, 1))


@pytest.mark.parametrize("depth", [0, 1, 3, 50])
def test_yields_in_order(depth: int) -> None:
    assert list(prefetch(lambda session, index: index * index, 20, depth, open_session)) == [i * i for i in range(20)]
    assert list(prefetch(lambda session, index: index, 0, depth, open_session)) == []


def test_computes_at_most_as_far_ahead_as_asked() -> None:
    started: list[int] = []
    full = threading.Event()

    def fetch(session: Session, index: int) -> int:
        started.append(index)
        if len(started) == 4:
            full.set()
        return index

    iterator = prefetch(fetch, 20, 3, open_session)
    next(iterator)
    assert full.wait(10)
    # One is taken and three are ahead of it.
    assert sorted(started) == [0, 1, 2, 3]


def test_raises_an_error_where_its_result_would_be() -> None:
    def fetch(session: Session, index: int) -> int:
        return 1 // (2 - index)

    iterator = prefetch(fetch, 20, 4, open_session)
    assert [next(iterator), next(iterator)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(iterator)


def test_closing_aborts_what_is_in_progress() -> None:
    waiting = threading.Barrier(3)

    def fetch(session: Session, index: int) -> int:
        if index == 0:
            return 0
        waiting.wait()
        try:
            session.sleep(1000)
        except Aborted:
            waiting.wait()
            raise
        return index

    iterator = prefetch(fetch, 3, 2, open_session)
    next(iterator)
    waiting.wait()
    closing = threading.Thread(target=iterator.close)  # type: ignore[attr-defined]
    closing.start()
    waiting.wait()
    closing.join()
