"""DistributedDataParallel under torchrun, with default options: gradients are averaged at every step."""

import sys
from typing import Any

import torch
import torch.distributed as distributed
from common import OPTIONS, Steps, check_resumption, client
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from mnist_batches.torch import BatchDataset, loader


def run(create: Any, epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    model = DistributedDataParallel(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    train, source = create()
    if state is not None:
        source.load_state_dict(state)
    steps: Steps = []
    epoch = 0 if state is None else state["epoch"]
    for _ in range(epoch, epochs):
        for images, labels, ids in train:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps.append(ids.tolist())
            if len(steps) == stop:
                # Any rank's state is that of all.
                states = [source.state_dict()]
                distributed.broadcast_object_list(states, 0)
                return steps, states[0]
    return steps, None


def create_loader() -> tuple[Any, Any]:
    train = loader(client(), **OPTIONS, with_ids=True)
    return train, train


def create_data_loader() -> tuple[Any, Any]:
    dataset = BatchDataset(client(), **OPTIONS, with_ids=True)
    return DataLoader(dataset, batch_size=None), dataset


if __name__ == "__main__":
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    rank, world_size = distributed.get_rank(), distributed.get_world_size()
    for name, create in (("loader", create_loader), ("DataLoader", create_data_loader)):
        check_resumption(f"DDP by torchrun, {world_size} ranks, {name}",
                         lambda *arguments, create=create: run(create, *arguments), rank, world_size)
    distributed.destroy_process_group()
    sys.exit()
