"""A server that is killed in the middle of an epoch of 20 clients, and is back after a while."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from servers import RealServer

from mnist_batches import epoch_order

CLIENTS = 20
# Seconds from the moment the server is ready until clients go on, at the 90th percentile.
LONGEST_GAP = 3.0

CLIENT = """
import json, sys, time
from mnist_batches import Batches, Client

url, seed = sys.argv[1], int(sys.argv[2])
batches = Batches(Client(url), batch_size=128, seed=seed, wire="raw", normalization="raw", prefetch=2)
ids, times = [], []
for number, batch in enumerate(batches):
    ids += batch.ids.tolist()
    times.append(time.time())
    if number == 50:
        print("in the middle", flush=True)
        # Training goes on until the server is away, and waits for it then.
        sys.stdin.readline()
    time.sleep(0.005)
print(json.dumps({"ids": ids, "times": times}))
"""


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{url}/readyz", timeout=60).close()
            return
        assert time.monotonic() < deadline, "the server did not become ready"
        time.sleep(0.02)


@pytest.mark.parametrize("outage", [1, 10, 40, 120])
def test_no_client_fails_and_all_go_on_at_once(outage: float, tmp_path: Path) -> None:
    server = RealServer(tmp_path).start()
    clients = [subprocess.Popen([sys.executable, "-c", CLIENT, server.url, str(seed)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for seed in range(CLIENTS)]
    try:
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline() == "in the middle\n"
        server.stop(signal.SIGKILL)
        for client in clients:
            assert client.stdin is not None
            client.stdin.write("\n")
            client.stdin.flush()
        time.sleep(outage)
        server.start()
        wait_until_ready(server.url)
        back = time.time()
        results = [client.communicate(timeout=120) for client in clients]
    finally:
        for client in clients:
            client.kill()
        server.stop()
    assert [client.returncode for client in clients] == [0] * CLIENTS, [error for _, error in results if error][:1]
    gaps = []
    for seed, (out, log) in enumerate(results):
        result = json.loads(out)
        assert result["ids"] == epoch_order(48_000, seed, 0).tolist()
        gaps.append(min(moment for moment in result["times"] if moment > back) - back)
        assert log.count("is unavailable (Connection refused); retrying for up to 300 s.") == 1, log
        assert log.count("answers again after") == 1, log
    p50, p90 = np.percentile(gaps, [50, 90])
    print(f"outage of {outage} s: 0 of {CLIENTS} clients failed, gap p50 {p50:.2f} s, p90 {p90:.2f} s, "
          f"longest {max(gaps):.2f} s")
    assert p90 <= LONGEST_GAP
