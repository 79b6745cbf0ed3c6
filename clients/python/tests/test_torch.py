from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servers import RealServer

from mnist_batches import Batches, Client, epoch_order

torch = pytest.importorskip("torch", reason="no torch")

from torch.utils.data import DataLoader  # noqa: E402

from mnist_batches.torch import BatchDataset, SampleDataset, loader  # noqa: E402

TOTAL = 10_000


def order(epoch: int) -> list[int]:
    return [int(id) for id in epoch_order(TOTAL, 7, epoch)]


def ids_of(batches: Any) -> list[int]:
    return [int(id) for batch in batches for id in batch.ids]


@pytest.fixture
def dataset(client: Client) -> BatchDataset:
    return BatchDataset(client, "mnist", "test", batch_size=300, seed=7)


@pytest.mark.parametrize(("workers", "method"), [(0, None), (2, "fork"), (4, "fork"), (2, "spawn")])
def test_data_loader(dataset: BatchDataset, workers: int, method: str | None) -> None:
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, multiprocessing_context=method)
    for epoch in (0, 3):
        dataset.set_epoch(epoch)
        assert ids_of(loader) == order(epoch), "every sample once, in the order of a single process"
    assert len(loader) == 34


def test_persistent_workers_see_a_new_epoch(dataset: BatchDataset) -> None:
    loader = DataLoader(dataset, batch_size=None, num_workers=2, persistent_workers=True)
    for epoch in (3, 4):
        dataset.set_epoch(epoch)
        assert ids_of(loader) == order(epoch)


def test_epochs_advance_on_their_own_without_workers(dataset: BatchDataset) -> None:
    loader = DataLoader(dataset, batch_size=None)
    assert [ids_of(loader) for _ in range(2)] == [order(0), order(1)]


def test_batches_are_tensors_that_share_the_memory_of_the_response(dataset: BatchDataset) -> None:
    batch = next(iter(DataLoader(dataset, batch_size=None)))
    assert (batch.images.dtype, tuple(batch.images.shape)) == (torch.float32, (300, 1, 28, 28))
    assert (batch.labels.dtype, batch.ids.dtype, batch.mask) == (torch.int64, torch.int32, None)


@pytest.mark.parametrize("workers", [0, 2, 4])
@pytest.mark.parametrize("steps", [1, 9, 33, 34])
def test_stateful_data_loader(client: Client, workers: int, steps: int) -> None:
    torchdata = pytest.importorskip("torchdata.stateful_dataloader", reason="no torchdata")

    def create() -> Any:
        dataset = BatchDataset(client, "mnist", "test", batch_size=300, seed=7)
        return torchdata.StatefulDataLoader(dataset, batch_size=None, num_workers=workers)

    first = create()
    seen: list[int] = []
    for number, batch in enumerate(first, 1):
        seen += batch.ids.tolist()
        if number == steps:
            break
    state = json.loads(json.dumps(first.state_dict())) if workers == 0 else first.state_dict()
    second = create()
    second.load_state_dict(state)
    rest = ids_of(second)
    assert seen + (rest if steps < 34 else []) == order(0)


def test_lightning(client: Client) -> None:
    lightning = pytest.importorskip("lightning", reason="no lightning")
    seen: dict[str, list[list[int]]] = {"train": [], "val": []}

    class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(784, 10)

        def on_train_epoch_start(self) -> None:
            seen["train"].append([])

        def on_validation_epoch_start(self) -> None:
            seen["val"].append([])

        def training_step(self, batch: Any) -> Any:
            seen["train"][-1] += batch.ids.tolist()
            return torch.nn.functional.cross_entropy(self.linear(batch.images.flatten(1)), batch.labels)

        def validation_step(self, batch: Any) -> None:
            seen["val"][-1] += batch.ids.tolist()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    train = loader(client, "mnist", "test", batch_size=500, seed=7)
    val = DataLoader(BatchDataset(client, "mnist", "test", batch_size=1000), batch_size=None, num_workers=2)
    trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False,
                                enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(Model(), train, val)
    assert seen["train"] == [order(0), order(1)]
    # The first one is the sanity check, which breaks off.
    assert seen["val"][1:] == [list(range(TOTAL))] * 2


RANK = """
import sys
import numpy as np
import torch.distributed as distributed
from torch.utils.data import DataLoader
from mnist_batches import Client
from mnist_batches.torch import BatchDataset

if __name__ == "__main__":
    rank = int(sys.argv[2])
    distributed.init_process_group("gloo", init_method=f"file://{sys.argv[3]}/rendezvous", rank=rank, world_size=2)
    dataset = BatchDataset(Client(sys.argv[1]), "mnist", "test", batch_size=300, seed=7)
    # A spawned worker cannot ask torch.distributed for its rank.
    loader = DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="spawn")
    np.save(f"{sys.argv[3]}/{rank}.npy", np.concatenate([batch.ids.numpy() for batch in loader]))
    distributed.destroy_process_group()
"""


def test_two_gloo_ranks_with_two_workers_each(client: Client, server: RealServer, tmp_path: Path) -> None:
    program = tmp_path / "rank.py"
    program.write_text(RANK)
    ranks = [subprocess.Popen([sys.executable, str(program), server.url, str(rank), str(tmp_path)])
             for rank in range(2)]
    assert [rank.wait(timeout=300) for rank in ranks] == [0, 0]
    seen = [np.load(tmp_path / f"{rank}.npy") for rank in range(2)]
    assert [len(ids) for ids in seen] == [5100, 4900]
    assert sorted(np.concatenate(seen).tolist()) == list(range(TOTAL))


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_with_a_sampler_of_pytorch(client: Client, workers: int) -> None:
    dataset = SampleDataset(client, "mnist", "test")
    assert len(dataset) == TOTAL
    images, labels = next(iter(DataLoader(dataset, batch_size=32, num_workers=workers)))
    expected = Batches(client, split="test", batch_size=32)[0]
    assert np.array_equal(images.numpy(), expected.images)
    assert np.array_equal(labels.numpy(), expected.labels)


def test_a_loader_resumes(client: Client) -> None:
    first = loader(client, "mnist", "test", batch_size=300, seed=7)
    iterator = iter(first)
    seen = next(iterator).ids.tolist() + next(iterator).ids.tolist()
    second = loader(client, "mnist", "test", batch_size=64, seed=7, device="cpu")
    second.load_state_dict(first.state_dict())
    assert seen + ids_of(second) == order(0)
    assert second.stats.samples == TOTAL - 600


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_loader_copies_to_the_device(client: Client) -> None:
    batch = next(iter(loader(client, "mnist", "test", device="cuda")))
    assert batch.images.device.type == "cuda"


@pytest.mark.skipif(os.name != "posix", reason="the meta device stands in for an accelerator")
def test_a_loader_converts_ahead_of_the_loop(client: Client) -> None:
    batch = next(iter(loader(client, "mnist", "test", device="meta", remainder="pad")))
    assert [tensor is not None and tensor.device.type for tensor in batch] == ["meta"] * 4
