from __future__ import annotations

import pickle
import sys
from types import SimpleNamespace

import pytest

from mnist_batches import Batches, Client
from mnist_batches.options import Remainder
from mnist_batches.pages import Shard
from mnist_batches.ranks import detect_rank


@pytest.fixture(autouse=True)
def _without_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_RANK",
                 "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "torch.distributed", None)


def test_a_single_rank_by_default() -> None:
    assert detect_rank() == (0, 1)


@pytest.mark.parametrize(("rank", "world_size"), [
    ("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")
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


def test_a_batch_script_of_slurm_is_a_single_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert detect_rank() == (0, 1)


@pytest.mark.parametrize(("rank", "world_size"), [("2", "2"), ("-1", "2"), ("first", "2"), ("0", "")])
def test_rejects_an_environment_that_makes_no_sense(rank: str, world_size: str,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world_size)
    with pytest.raises(ValueError, match=r"RANK=.* and WORLD_SIZE=.*rank=0, world_size=1"):
        detect_rank()


def test_a_library_that_is_initialized_later_counts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = Batches(client, split="test", seed=1, batch_size=1000)
    assert (batches.rank, batches.world_size, len(batches)) == (0, 1, 10)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert (batches.rank, batches.world_size, len(batches)) == (1, 2, 5)
    copy = pickle.loads(pickle.dumps(batches))
    monkeypatch.setenv("RANK", "0")
    assert copy.rank == 0, "a copy for another rank detects its own"


@pytest.mark.parametrize("remainder", ["keep", "drop", "pad"])
def test_workers_divide_the_pages_of_a_rank(remainder: Remainder) -> None:
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
