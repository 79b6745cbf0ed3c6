"""accelerate under torchrun: `prepare` leaves a loader as it is, and a BatchDataset refuses to be divided twice."""

from typing import Any

import torch
from accelerate import Accelerator
from common import OPTIONS, Steps, check_refusal, check_resumption, client
from torch.utils.data import DataLoader

from mnist_batches.torch import BatchDataset, loader


def run(accelerator: Accelerator, epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    train = loader(client(), **OPTIONS, with_ids=True)
    if state is not None:
        train.load_state_dict(state)
    model: Any = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    model, optimizer, train = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1), train)
    steps: Steps = []
    while train.epoch < epochs:
        for images, labels, ids in train:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            steps.append(ids.tolist())
            if len(steps) == stop:
                return steps, train.state_dict()
    return steps, None


if __name__ == "__main__":
    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    rank, world_size = accelerator.process_index, accelerator.num_processes
    check_resumption(f"accelerate, {world_size} processes, loader",
                     lambda *arguments: run(accelerator, *arguments), rank, world_size)
    if world_size > 1:
        for workers in (0, 2):
            prepared = accelerator.prepare(DataLoader(BatchDataset(client(), **OPTIONS), batch_size=None,
                                                      num_workers=workers))
            check_refusal(f"accelerate, {world_size} processes, DataLoader of BatchDataset, {workers} workers",
                          lambda prepared=prepared: next(iter(prepared)), "mnist_batches.torch.loader", rank)
    accelerator.end_training()
