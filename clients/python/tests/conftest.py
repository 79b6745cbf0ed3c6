"""Fixtures: one real server for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers import RealServer, why_no_server

from mnist_batches import Client


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    reason = why_no_server()
    if reason is not None:
        pytest.skip(reason)
    running = RealServer(tmp_path_factory.mktemp("data")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def client(server: RealServer) -> Client:
    client = Client(server.url)
    client.dataset("mnist")
    return client
