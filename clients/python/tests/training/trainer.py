"""The Trainer of Hugging Face, by one process and by two of torchrun."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed
from common import EPOCHS, OPTIONS, Steps, check_refusal, check_resumption, client, steps_of_epoch
from transformers import Trainer, TrainerCallback, TrainingArguments

from mnist_batches.torch import Loader, loader


class BatchTrainer(Trainer):  # type: ignore[misc, unused-ignore]
    """Trains on a loader, whose state is part of each checkpoint."""

    def __init__(self, train: Loader[Any], **options: Any) -> None:
        super().__init__(**options)
        self.train_batches, self.steps = train, []  # type: ignore[var-annotated]
        self.add_callback(SaveState(train))

    def get_train_dataloader(self) -> Any:
        return self.train_batches

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        images, labels, ids = inputs
        self.steps.append(ids.tolist())
        outputs = model(images)
        loss = torch.nn.functional.cross_entropy(outputs, labels)
        return (loss, outputs) if return_outputs else loss


class SaveState(TrainerCallback):  # type: ignore[misc, unused-ignore]
    def __init__(self, train: Loader[Any]) -> None:
        self.train = train

    def on_save(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(arguments.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero:
            (folder / "batches.json").write_text(json.dumps(self.train.state_dict()))


def run(folder: str, epochs: int, stop: int | None, checkpoint: Any, **options: Any) -> tuple[Steps, Any]:
    train = loader(client(), **OPTIONS, with_ids=True)
    if checkpoint is not None:
        train.load_state_dict(json.loads((Path(checkpoint) / "batches.json").read_text()))
    arguments = TrainingArguments(folder, num_train_epochs=epochs, max_steps=stop or -1, use_cpu=True, report_to=[],
                                  save_strategy="no" if stop is None else "steps", save_steps=stop or 500,
                                  disable_tqdm=True, logging_strategy="no", **{"ignore_data_skip": True, **options})
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    trainer = BatchTrainer(train, model=model, args=arguments)
    trainer.train(resume_from_checkpoint=checkpoint)
    if distributed.is_initialized():
        distributed.barrier()
    return trainer.steps, f"{folder}/checkpoint-{stop}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    # Where the model is an average over processes, they must see the same folder.
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()
    rank, world_size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    name = f"Hugging Face Trainer, {world_size} processes"
    check_resumption(name, lambda *arguments: run(folder, *arguments), rank, world_size)
    stop = steps_of_epoch(rank, world_size) // 3
    checkpoint = run(folder, EPOCHS, stop, None)[1]
    check_refusal(f"{name}, resumed without ignore_data_skip",
                  lambda: run(folder, EPOCHS, None, checkpoint, ignore_data_skip=False), "ignore_data_skip=True", rank)
