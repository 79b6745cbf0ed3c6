"""Lightning: fit, validate, checkpoints in the middle and at the end of an epoch, limits, and two processes."""

import logging
import sys
import tempfile
import warnings
from typing import Any

import lightning
import torch
from common import (
    BATCH_SIZE,
    EPOCHS,
    OPTIONS,
    Steps,
    check,
    check_refusal,
    check_resumption,
    client,
    expected,
    steps_of_epoch,
)
from lightning.pytorch.callbacks import ModelCheckpoint
from torchdata.stateful_dataloader import StatefulDataLoader

from mnist_batches.torch import BatchDataset, loader


class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(784, 10)
        self.steps: Steps = []
        self.validated: list[int] = []

    def training_step(self, batch: Any) -> Any:
        images, labels, ids = batch
        self.steps.append(ids.tolist())
        return torch.nn.functional.cross_entropy(self.linear(images.flatten(1)), labels)

    def validation_step(self, batch: Any) -> None:
        self.validated += batch[-1].tolist()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.01)


def trainer(**options: Any) -> Any:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return lightning.Trainer(**{"max_epochs": EPOCHS, "accelerator": "cpu", "devices": 1,
                                "enable_checkpointing": False, **quiet, **options})


def run(create: Any, folder: str, epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    """A run that is stopped leaves the checkpoint of its last step; Lightning cannot stop without one more step."""
    model = Model()
    if stop is None:
        trainer(max_epochs=epochs).fit(model, create(), ckpt_path=state)
        return model.steps, None
    save = ModelCheckpoint(folder, filename=f"{len(folder)}-{{step}}", every_n_train_steps=stop, save_top_k=-1,
                           save_on_train_epoch_end=False)
    trainer(max_steps=stop, callbacks=[save], enable_checkpointing=True).fit(model, create())
    return model.steps, save.best_model_path or save.last_model_path


def create_loader() -> Any:
    return loader(client(), **OPTIONS, with_ids=True)


def create_stateful(workers: int) -> Any:
    return StatefulDataLoader(BatchDataset(client(), **OPTIONS, with_ids=True), batch_size=None, num_workers=workers)


def check_single(folder: str) -> None:
    check_resumption("Lightning, loader", lambda *arguments: run(create_loader, folder, *arguments))
    for workers in (0, 2):
        check_resumption(f"Lightning, StatefulDataLoader, {workers} workers",
                         lambda *arguments, workers=workers: run(lambda: create_stateful(workers), folder, *arguments))
    model = Model()
    val = loader(client(), split="val", batch_size=BATCH_SIZE, with_ids=True)
    trainer(limit_train_batches=5).fit(model, create_loader(), val)
    check("Lightning, limit_train_batches", model.steps,
          [step for epoch in range(EPOCHS) for step in expected(range(epoch, epoch + 1))[:5]])
    # The sanity check comes first, of two batches.
    check("Lightning, validation after each epoch", [model.validated[2 * BATCH_SIZE:]], [list(range(12_000)) * EPOCHS])
    model = Model()
    trainer().validate(model, val, verbose=False)
    check("Lightning, validate", [model.validated], [list(range(12_000))])


def check_two_processes() -> None:
    model = Model()
    lightning_trainer = trainer(devices=2, strategy="ddp")
    lightning_trainer.fit(model, create_loader())
    rank = lightning_trainer.global_rank
    check("Lightning, 2 devices, fit", model.steps, expected(range(EPOCHS), rank, 2), rank)
    val = loader(client(), split="val", batch_size=BATCH_SIZE, with_ids=True)
    check_refusal("Lightning, 2 devices, validation without a remainder", lambda: iter(val),
                  'remainder="pad" and use the mask', rank)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    if sys.argv[1:] == ["2"]:
        check_two_processes()
    else:
        with tempfile.TemporaryDirectory() as folder:
            check_single(folder)
    assert steps_of_epoch() > 5
