from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from mnist_batches import Batches, Client
from mnist_batches.pages import Shard
from mnist_batches.ranks import detect_rank


@pytest.fixture(autouse=True)
def _without_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "torch.distributed", None)


def test_a_single_rank_by_default() -> None:
    assert detect_rank() == (0, 1)


@pytest.mark.parametrize(("rank", "world_size"), [
    ("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")
])
def test_environments_of_launchers(rank: str, world_size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rank, "2")
    monkeypatch.setenv(world_size, "5")
    assert detect_rank() == (2, 5)


def test_libraries_that_are_initialized(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = SimpleNamespace(distributed=SimpleNamespace(is_initialized=lambda: True), process_index=lambda: 1,
                          process_count=lambda: 2)
    monkeypatch.setitem(sys.modules, "jax", jax)
    assert detect_rank() == (1, 2)
    distributed = SimpleNamespace(is_available=lambda: True, is_initialized=lambda: True, get_rank=lambda: 3,
                                  get_world_size=lambda: 4)
    monkeypatch.setitem(sys.modules, "torch.distributed", distributed)
    assert detect_rank() == (3, 4)


def test_the_rank_is_detected_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    batches = Batches(client, split="test")
    assert (batches.rank, batches.world_size) == (1, 2)
    monkeypatch.setenv("RANK", "0")
    assert batches.rank == 1


@pytest.mark.parametrize("remainder", ["keep", "drop", "pad"])
def test_workers_divide_the_pages_of_a_rank(remainder: str) -> None:
    for total, workers in ((1000, 2), (1001, 3), (999, 4), (5, 4)):
        whole = Shard(total, 10, 1, 3, remainder)
        parts = [Shard(total, 10, 1, 3, remainder, worker=worker, workers=workers) for worker in range(workers)]
        pages = sorted(part.page(index) for part in parts for index in range(len(part)))
        assert pages == list(range(len(whole)))


def test_a_worker_resumes_where_it_was() -> None:
    for worker in range(3):
        before = Shard(1000, 10, 1, 2, "keep", 7, worker, 3)
        after = Shard(1000, 10, 1, 2, "keep", before.consumed(5), worker, 3)
        assert after.offset + after.page(0) * 20 == before.offset + before.page(5) * 20
        assert len(after) == len(before) - 5
