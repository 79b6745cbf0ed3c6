from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from servers import RealServer, ScriptedServer

from mnist_batches import Batches, Client
from mnist_batches.cache import DiskCache
from mnist_batches.session import Response


def response(body: bytes, **headers: str) -> Response:
    return Response(200, {name.replace("_", "-"): value for name, value in headers.items()},
                    np.frombuffer(body, np.uint8))


def test_a_second_run_needs_no_requests(client: Client, server: RealServer, tmp_path: Path) -> None:
    first = Batches(Client(server.url, cache=tmp_path), split="test", seed=6)
    expected = [batch.images.tobytes() for batch in first]
    second = Batches(Client(server.url, cache=tmp_path), split="test", seed=6)
    description = len(second)
    assert description == len(first)

    def fail(*_: object) -> None:
        pytest.fail("sent a request")

    assert second.client.max_batch_size > 0
    second.client._transport._send = fail  # type: ignore[assignment, method-assign]
    assert [batch.images.tobytes() for batch in second] == expected


@pytest.mark.parametrize(("directives", "requests", "conditions"), [
    ("public, max-age=31536000, immutable", 1, 0),
    ("no-cache", 2, 1),
    ("max-age=0", 2, 1),
    ("no-store", 2, 0),
])
def test_follows_cache_control(directives: str, requests: int, conditions: int, tmp_path: Path) -> None:
    def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        fields = {"ETag": '"a"', "Cache-Control": directives}
        return (304, fields, b"") if headers.get("if-none-match") == '"a"' else (200, fields, b"content")

    with ScriptedServer(answer) as server:
        client = Client(server.url, cache=tmp_path)
        bodies = [client.request("GET", "/x").body.tobytes() for _ in range(2)]
    assert bodies == [b"content"] * 2
    assert len(server.requests) == requests
    assert sum("if-none-match" in headers for _, headers in server.requests) == conditions


def test_damaged_entries_are_ignored(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.store("key", response(b"content", etag='"a"', cache_control="max-age=60"))
    found = cache.find("key")
    assert found is not None
    assert (found[0].body.tobytes(), found[1]) == (b"content", True)
    (entry,) = tmp_path.iterdir()
    for damaged in (entry.read_bytes()[:-1], b"", b"\xff" * 100):
        entry.write_bytes(damaged)
        assert cache.find("key") is None


def test_removes_the_least_recently_used_entries(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, max_bytes=100_000)
    for number in range(30):
        cache.store(f"key {number}", response(bytes(10_000), etag='"a"', cache_control="max-age=60"))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 110_000
    assert cache.find("key 29") is not None
    assert cache.find("key 0") is None
