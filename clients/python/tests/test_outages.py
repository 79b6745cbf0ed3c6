"""Retries: deadlines, pauses, and the two log lines of an outage."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest
from servers import ScriptedServer

from mnist_batches import BatchServerError, Client
from mnist_batches.retry import RetryPolicy, requested_pause
from mnist_batches.session import Session

Answer = tuple[int, dict[str, str], bytes]
READY: Answer = (200, {}, json.dumps({"datasets": []}).encode())


class Clock:
    """Time passes only while a session sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("mnist_batches.transport.time.monotonic", lambda: clock.now)
    monkeypatch.setattr("mnist_batches.outages.time.monotonic", lambda: clock.now)
    monkeypatch.setattr(Session, "sleep", lambda _, seconds: clock.sleep(seconds))
    return clock


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of which this process keeps others away, and on which nothing listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def failure(status: int, **headers: str) -> Answer:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, b"<html>"


def in_turn(*answers: Answer) -> Callable[[str, dict[str, str]], Answer]:
    """Answers in turn; the last one again and again."""
    left = list(answers)
    return lambda path, headers: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520, 524])
def test_transient_statuses_are_retried(status: int, clock: Clock) -> None:
    with ScriptedServer(in_turn(failure(status), failure(status), READY)) as server:
        client = Client(server.url)
        client.datasets()
    assert len(server.requests) == 3
    assert client.retried == 2
    assert all(0.05 <= pause <= 0.2 for pause in clock.pauses)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501, 505])
def test_final_statuses_are_final_at_once(status: int, clock: Clock) -> None:
    with ScriptedServer(in_turn(failure(status), READY)) as server:
        with pytest.raises(BatchServerError) as caught:
            Client(server.url).datasets()
        assert len(server.requests) == 1
    assert caught.value.status == status
    assert ("MNIST_BATCHES_TOKEN" in str(caught.value)) == (status == 401)


@pytest.mark.parametrize("retry_after", ["7", formatdate(1007, usegmt=True)])
def test_retry_after_is_honoured(retry_after: str, clock: Clock) -> None:
    answers = in_turn(failure(503, Retry_After=retry_after, Date=formatdate(1000, usegmt=True)), READY)
    with ScriptedServer(answers) as server:
        Client(server.url).datasets()
    assert 7 < clock.now - 1000 <= 7.2


def test_a_pause_beyond_the_deadline_ends_the_attempts(clock: Clock) -> None:
    with ScriptedServer(in_turn(failure(503, Retry_After="3600"))) as server, \
            pytest.raises(BatchServerError, match="asks for a pause of 3600 s"):
        Client(server.url).datasets()
    assert clock.pauses == []


@pytest.mark.parametrize(("headers", "seconds"), [
    ({}, 0), ({"retry-after": "3"}, 3), ({"retry-after": "-3"}, 0), ({"retry-after": "soon"}, 0),
    ({"retry-after": "²"}, 0),
    ({"retry-after": formatdate(100, usegmt=True)}, 0),
    ({"retry-after": formatdate(100, usegmt=True), "date": formatdate(130, usegmt=True)}, 0),
])
def test_requested_pauses(headers: dict[str, str], seconds: float) -> None:
    assert requested_pause(headers) == seconds


def test_pauses_double_up_to_two_seconds() -> None:
    policy = RetryPolicy()
    for round_, longest in ((1, 0.1), (2, 0.2), (5, 1.6), (6, 2), (10_000, 2)):
        pauses = [policy.pause(round_) for _ in range(200)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


def test_a_server_that_is_down_is_asked_until_the_deadline(clock: Clock, closed_port: int,
                                                           caplog: pytest.LogCaptureFixture) -> None:
    client = Client(f"http://127.0.0.1:{closed_port}")
    with pytest.raises(BatchServerError, match=r"Connection refused; given up after \d+ attempts in 300 s.*npm start"):
        client.datasets()
    assert 290 < clock.now - 1000 <= 300
    assert max(clock.pauses) <= 2
    assert client.retried > 150
    assert [record.getMessage() for record in caplog.records] == [
        f"http://127.0.0.1:{closed_port} is unavailable (Connection refused); retrying for up to 300 s. "
        "Is the server running? Start it with: npm start"]


def test_a_single_attempt_if_so_requested(clock: Clock, closed_port: int, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(BatchServerError, match=r"cannot be reached: Connection refused\. Is the server running"):
        Client(f"http://127.0.0.1:{closed_port}", give_up_after=0).datasets()
    assert clock.pauses == []
    assert caplog.records == []
    for seconds in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="give_up_after"):
            Client(give_up_after=seconds)


def test_an_outage_has_one_warning_at_its_start_and_one_at_its_end(clock: Clock,
                                                                   caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = [failure(502)] * 6
    with ScriptedServer(in_turn(READY, *outage, READY, READY)) as server:
        client = Client(server.url)
        for _ in range(3):
            client.request("GET", "/v1/datasets")
    messages = [record.getMessage() for record in caplog.records if record.name == "mnist_batches"]
    assert len(messages) == 2
    assert messages[0] == f"{server.url} is unavailable (502 unknown); retrying for up to 300 s."
    assert messages[1].startswith(f"{server.url} answers again after ")


def test_a_limit_on_the_rate_is_no_outage(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(in_turn(failure(429, Retry_After="1"), READY)) as server:
        Client(server.url).datasets()
    assert caplog.records == []


def test_the_progress_bar_shows_an_outage(clock: Clock, monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with ScriptedServer(in_turn(*[failure(503, Retry_After="2")] * 4, READY)) as server:
        Client(server.url).datasets()
    assert "server away, 6 s [" in capsys.readouterr().err


def test_the_deadline_begins_anew_while_a_dataset_is_prepared(clock: Clock) -> None:
    loading = 503, {"Retry-After": "100"}, json.dumps({"code": "dataset_loading", "detail": "…"}).encode()
    with ScriptedServer(in_turn(failure(502), *[loading] * 5, failure(502), READY)) as server:
        Client(server.url, give_up_after=10).datasets()
    assert clock.now - 1000 > 500


def test_with_several_servers_the_next_one_is_asked_at_once(clock: Clock, closed_port: int,
                                                            caplog: pytest.LogCaptureFixture) -> None:
    dead = f"http://127.0.0.1:{closed_port}"
    with ScriptedServer(in_turn(READY)) as server:
        Client([dead, server.url]).datasets()
    assert clock.pauses == []
    assert [record.getMessage() for record in caplog.records] == [
        f"{dead} is unavailable (Connection refused); continuing with {server.url}."]
    with ScriptedServer(in_turn(failure(503))) as server, pytest.raises(BatchServerError, match="responded with 503"):
        Client([server.url] * 2, give_up_after=0).datasets()
    assert len(server.requests) == 2, "one attempt each"
