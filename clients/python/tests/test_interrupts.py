"""Ctrl-C, killed runs, restarted servers and broken connections."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from servers import BreakingProxy, RealServer, ScriptedServer

from mnist_batches import Batches, Client, epoch_order

TOTAL = 10_000
EPOCHS = 8

# Trains on all ranks in lockstep. A checkpoint, which is written after every step, has the state and the number of ids
# in the log, as a real one has the state and the model.
TRAINER = """
import json, os, sys
from mnist_batches import Batches, Client

url, checkpoint, log, batch_size, world_size, epochs = *sys.argv[1:4], *map(int, sys.argv[4:])
client = Client(url)
ranks = [Batches(client, split="test", batch_size=batch_size, seed=9, rank=rank, world_size=world_size, prefetch=2,
                 normalization="raw", remainder="keep", uneven_ranks=True) for rank in range(world_size)]
with open(log, "ab") as seen:
    if os.path.exists(checkpoint):
        with open(checkpoint) as file:
            saved = json.load(file)
        seen.truncate(saved["bytes"])
        for batches in ranks:
            batches.load_state_dict(saved["state"])
    else:
        seen.truncate(0)
    while ranks[0].epoch < epochs:
        iterators = [iter(batches) for batches in ranks]
        for first in iterators[0]:
            seen.write(first.ids.tobytes())
            for iterator in iterators[1:]:
                for batch in iterator:
                    seen.write(batch.ids.tobytes())
                    break
            seen.flush()
            with open(checkpoint + ".tmp", "w") as file:
                json.dump({"state": ranks[0].state_dict(), "bytes": os.fstat(seen.fileno()).st_size}, file)
            os.replace(checkpoint + ".tmp", checkpoint)
            print("step", flush=True)
        for batches in ranks:
            batches.set_epoch(ranks[0].epoch)
"""


def test_a_run_that_is_killed_at_20_moments_sees_every_sample_once(client: Client, server: RealServer,
                                                                    tmp_path: Path) -> None:
    checkpoint, log = tmp_path / "checkpoint.json", tmp_path / "log"
    seed = random.randrange(2**32)
    print("seed", seed)
    randomness = random.Random(seed)

    def start() -> subprocess.Popen[bytes]:
        sizes = randomness.randint(1, 200), randomness.randint(1, 4), EPOCHS
        return subprocess.Popen([sys.executable, "-c", TRAINER, server.url, str(checkpoint), str(log),
                                 *map(str, sizes)], stdout=subprocess.PIPE)

    for _ in range(20):
        with start() as trainer:
            assert trainer.stdout is not None
            for _ in range(randomness.randint(0, 10)):
                assert trainer.stdout.readline() == b"step\n"
            time.sleep(randomness.uniform(0, 0.003))
            trainer.kill()
        assert trainer.returncode == -signal.SIGKILL, "the run must take longer than 20 kills"
    with start() as trainer:
        trainer.communicate()
    assert trainer.returncode == 0
    expected = [epoch_order(TOTAL, 9, epoch) for epoch in range(EPOCHS)]
    assert np.array_equal(np.fromfile(log, np.int32), np.concatenate(expected))


def test_a_server_that_restarts_in_the_middle_of_an_epoch_costs_a_pause(tmp_path: Path) -> None:
    server = RealServer(tmp_path).start()
    try:
        batches = Batches(Client(server.url), split="test", batch_size=100, seed=4)
        seen: list[int] = []
        for number, batch in enumerate(batches):
            seen += batch.ids.tolist()
            if number == 20:
                server.stop(signal.SIGKILL)
                threading.Timer(0.5, server.start).start()
        assert seen == epoch_order(TOTAL, 4, 0).tolist()
        assert batches.client.retried > 0
    finally:
        server.stop()


def test_connections_that_are_reset_in_the_middle_of_bodies_cost_a_pause(client: Client, server: RealServer) -> None:
    with BreakingProxy(server.port, breaks=6, after=1_500_000) as proxy:
        batches = Batches(Client(proxy.url), split="test", batch_size=100, seed=4, wire="raw", prefetch=3)
        assert [int(id) for batch in batches for id in batch.ids] == epoch_order(TOTAL, 4, 0).tolist()
        assert proxy.broken > 0


INTERRUPTED = """
import sys, threading, time
from mnist_batches import Batches, Client

batches = iter(Batches(Client(sys.argv[1]), split="test", seed=1, version="v"))
try:
    print("started", flush=True)
    next(batches)
except KeyboardInterrupt:
    assert threading.active_count() == 1, threading.enumerate()
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_returns_immediately_from_a_server_that_is_silent() -> None:
    reached, release = threading.Event(), threading.Event()
    description = {"dataset": "mnist", "version": "v", "title": "", "shape": [28, 28], "classes": [],
                   "splits": {"test": 10}, "preparation": {"standard": {"mean": 0, "std": 1}},
                   "limits": {"max_batch_size": 4096}}

    def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if "/batches" in path:
            reached.set()
            release.wait()
        return 200, {}, json.dumps(description).encode()

    with ScriptedServer(answer) as server:
        program = subprocess.Popen([sys.executable, "-c", INTERRUPTED, server.url], stdout=subprocess.PIPE)
        assert reached.wait(60)
        interrupted = time.monotonic()
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=60)
        release.set()
    assert out == b"started\ninterrupted\n"
    assert time.monotonic() - interrupted < 15, "far below the timeout of 20 seconds for a response"
