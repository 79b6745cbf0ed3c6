from __future__ import annotations

import json
import os
import pickle
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
    return BatchDataset(client, "mnist", "test", batch_size=300, seed=7, with_ids=True)


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


@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (2, False), (2, True)])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_every_iteration_of_a_data_loader_is_the_next_epoch(dataset: BatchDataset, workers: int, persistent: bool,
                                                            method: str) -> None:
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=persistent,
                        multiprocessing_context=method if workers else None)
    assert [ids_of(loader) for _ in range(2)] == [order(0), order(1)]
    # Broken off, with and without workers.
    for epoch in (2, 3):
        first = next(iter(loader))
        assert first.ids.tolist() == order(epoch)[:300]
    assert ids_of(loader) == order(4)
    dataset.set_epoch(9)
    assert [ids_of(loader) for _ in range(2)] == [order(9), order(10)]


def test_a_data_loader_that_would_stack_batches_is_refused(dataset: BatchDataset) -> None:
    for workers in (0, 1):
        with pytest.raises(TypeError, match=r"DataLoader\(dataset, batch_size=None\)"):
            next(iter(DataLoader(dataset, num_workers=workers)))
    assert ids_of(DataLoader(dataset, batch_size=None)) == order(0)


def test_batches_have_what_was_requested(client: Client) -> None:
    def fields(**options: Any) -> tuple[str, ...]:
        batch: Any = next(iter(loader(client, "mnist", "test", **options)))
        assert len(batch) == len(batch._fields)
        again = type(batch)(tensor for tensor in batch)
        assert all(map(torch.equal, again, batch))
        assert all(map(torch.equal, pickle.loads(pickle.dumps(batch)), batch))
        return tuple(batch._fields)

    assert fields() == ("images", "labels")
    assert fields(with_ids=True) == ("images", "labels", "ids")
    assert fields(with_mask=True) == ("images", "labels", "mask")
    assert fields(with_ids=True, with_mask=True, remainder="pad") == ("images", "labels", "ids", "mask")
    for images, labels in loader(client, "mnist", "test", batch_size=2500):
        assert (images.shape[0], labels.shape[0]) == (2500, 2500)
    padded = [batch.mask for batch in loader(client, "mnist", "test", batch_size=768, remainder="pad", with_mask=True)]
    assert sum(int(mask.sum()) for mask in padded) == TOTAL
    kept = [batch.mask for batch in loader(client, "mnist", "test", batch_size=768, with_mask=True)]
    assert sum(int(mask.sum()) for mask in kept) == sum(map(len, kept)) == TOTAL


def test_padding_without_a_mask_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="with_mask=True"):
        iter(loader(client, "mnist", "test", remainder="pad"))
    with pytest.raises(ValueError, match="with_mask=True"):
        iter(BatchDataset(client, "mnist", "test", remainder="pad"))


def test_the_epoch_of_a_trainer_only_moves_forward(client: Client) -> None:
    data = loader(client, "mnist", "test", batch_size=1000, seed=7, with_ids=True)
    seen = []
    # Lightning calls this before each epoch; here epochs are cut short, and a second trainer begins at 0 again.
    for epoch in (0, 1, 2, 0, 1):
        data.sampler.set_epoch(epoch)
        seen.append(next(iter(data)).ids.tolist())
    assert seen == [order(epoch)[:1000] for epoch in (0, 1, 2, 2, 3)]
    state = {**data.state_dict(), "epoch": 5, "offset": 3000}
    for epoch, expected in ((5, order(5)[3000:]), (6, order(6))):
        other = loader(client, "mnist", "test", batch_size=1000, seed=7, with_ids=True)
        other.load_state_dict(state)
        other.sampler.set_epoch(epoch)
        assert ids_of(other) == expected


def test_representations(client: Client) -> None:
    assert repr(loader(client, batch_size=9)) == \
        "Loader(Batches('mnist', 'train', batch_size=9, seed=None, epoch=0), device='cpu')"
    assert repr(BatchDataset(client, split="test")).startswith("BatchDataset(Batches('mnist', 'test'")
    assert repr(SampleDataset(client, split="test")) == "SampleDataset('mnist', 'test', 10,000 samples)"


def test_batches_are_tensors_that_share_the_memory_of_the_response(dataset: BatchDataset) -> None:
    batch = next(iter(DataLoader(dataset, batch_size=None)))
    assert (batch.images.dtype, tuple(batch.images.shape)) == (torch.float32, (300, 1, 28, 28))
    assert (batch.labels.dtype, batch.ids.dtype) == (torch.int64, torch.int32)


@pytest.mark.parametrize("workers", [0, 2, 4])
@pytest.mark.parametrize("steps", [1, 9, 33, 34])
def test_stateful_data_loader(client: Client, workers: int, steps: int) -> None:
    torchdata = pytest.importorskip("torchdata.stateful_dataloader", reason="no torchdata")

    def create() -> Any:
        dataset = BatchDataset(client, "mnist", "test", batch_size=300, seed=7, with_ids=True)
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
    expected = order(0) + order(1) if steps == 34 else order(0)
    assert seen + rest == expected
    assert ids_of(second) == order(len(expected) // TOTAL)


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

    train = loader(client, "mnist", "test", batch_size=500, seed=7, with_ids=True)
    val = DataLoader(BatchDataset(client, "mnist", "test", batch_size=1000, with_ids=True), batch_size=None,
                     num_workers=2)
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
    dataset = BatchDataset(Client(sys.argv[1]), "mnist", "test", batch_size=300, seed=7, with_ids=True)
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
    pages = np.array(order(0)[:9600]).reshape(16, 2, 300)
    assert [ids.tolist() for ids in seen] == [pages[:, rank].ravel().tolist() for rank in range(2)]


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_with_a_sampler_of_pytorch(client: Client, workers: int) -> None:
    dataset = SampleDataset(client, "mnist", "test")
    assert len(dataset) == TOTAL
    images, labels = next(iter(DataLoader(dataset, batch_size=32, num_workers=workers)))
    expected = Batches(client, split="test", batch_size=32)[0]
    assert np.array_equal(images.numpy(), expected.images)
    assert np.array_equal(labels.numpy(), expected.labels)


def test_a_sample_dataset_is_a_sequence(client: Client) -> None:
    dataset = SampleDataset(client, "mnist", "test")
    assert dataset.classes == [str(digit) for digit in range(10)]
    assert np.array_equal(dataset.targets.numpy(), client.labels("mnist", "test"))
    assert torch.equal(dataset[-1][0], dataset[TOTAL - 1][0])
    for index in (TOTAL, -TOTAL - 1):
        with pytest.raises(IndexError, match=f"no sample {index}"):
            dataset[index]
    with pytest.raises(TypeError, match="integer"):
        dataset[1.5]  # type: ignore[index]
    images, _ = next(iter(DataLoader(dataset, batch_size=5000)))
    assert len(images) == 5000, "more than one response may have"
    with pytest.raises(TypeError, match="did you mean augment"):
        SampleDataset(client, augmented="shift:2")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="train, val, test"):
        SampleDataset(client, split="validation")


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_are_augmented_anew_in_each_epoch(client: Client, workers: int) -> None:
    augment = "rotate:30,shift:4"
    dataset = SampleDataset(client, "mnist", "train", augment=augment)
    subset = torch.utils.data.Subset(dataset, range(64))
    data = DataLoader(subset, batch_size=32, num_workers=workers)
    epochs = [torch.cat([images for images, _ in data]) for _ in range(3)]
    for epoch, images in enumerate(epochs):
        expected = client.gather("mnist", "train", range(64), augment=augment, epoch=epoch, layout="nchw",
                                 normalization="standard")
        assert np.array_equal(images.numpy(), expected.images), f"as the server augments them in epoch {epoch}"
    # Drawn three times at once, with replacement.
    repeated = [image for image, _ in dataset.__getitems__([100, 101, 100, 100])]
    assert len({image.numpy().tobytes() for image in repeated}) == 4
    dataset.set_epoch(1)
    again = torch.stack([image for image, _ in dataset.__getitems__(list(range(64)))])
    assert torch.equal(again, epochs[1])


def test_a_loader_resumes(client: Client) -> None:
    first = loader(client, "mnist", "test", batch_size=300, seed=7, with_ids=True)
    iterator = iter(first)
    seen = next(iterator).ids.tolist() + next(iterator).ids.tolist()
    second = loader(client, "mnist", "test", batch_size=64, seed=7, device="cpu", with_ids=True)
    second.load_state_dict(first.state_dict())
    assert seen + ids_of(second) == order(0)
    assert second.stats.samples == TOTAL - 600


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_loader_copies_to_the_device(client: Client) -> None:
    batch = next(iter(loader(client, "mnist", "test", device="cuda")))
    assert batch.images.device.type == "cuda"


@pytest.mark.skipif(os.name != "posix", reason="the meta device stands in for an accelerator")
def test_a_loader_converts_ahead_of_the_loop(client: Client) -> None:
    batch = next(iter(loader(client, "mnist", "test", device="meta", remainder="pad", with_ids=True, with_mask=True)))
    assert [tensor.device.type for tensor in batch] == ["meta"] * 4
