"""Trains with two processes of torch.distributed, and evaluates exactly: every sample counts once.

    python examples/distributed.py [--epochs 3] [--save]

With remainder="pad", all ranks have the same number of batches of the same size, as gradients that are averaged
require. The mask takes the padding out of the loss and of the accuracy.
"""

from __future__ import annotations

import argparse
import socket
from typing import Any

import torch
import torch.distributed as distributed
from mnist_batches import Client
from mnist_batches.torch import Loader, loader
from records import Run, add_save
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

WORLD_SIZE = 2


def masked_loss(scores: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """The mean over the samples of all ranks, once DistributedDataParallel has averaged the gradients."""
    count = mask.sum()
    distributed.all_reduce(count)
    losses = nn.functional.cross_entropy(scores, labels, reduction='none')
    return (losses * mask).sum() * distributed.get_world_size() / count


def evaluate(model: nn.Module, batches: Loader[Any]) -> tuple[int, int]:
    """Correct samples and all samples, over all ranks."""
    counts = torch.zeros(2, dtype=torch.int64)
    with torch.inference_mode():
        for images, labels, mask in batches:
            counts += torch.stack([((model(images).argmax(1) == labels) * mask).sum(), mask.sum()])
    distributed.all_reduce(counts)
    return int(counts[0]), int(counts[1])


def train(rank: int, port: int, epochs: int, save: bool) -> None:
    distributed.init_process_group('gloo', f'tcp://127.0.0.1:{port}', rank=rank, world_size=WORLD_SIZE)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    client = Client()
    # 384 divides none of the splits, so the last batches are padded.
    batches, val, test = (loader(client, 'mnist', split, batch_size=384, remainder='pad', with_mask=True, layout='flat',
                                 seed=seed)
                          for split, seed in (('train', 1), ('val', None), ('test', None)))
    model = DistributedDataParallel(nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)))
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    run = Run('distributed', save, world_size=WORLD_SIZE, epochs=epochs)
    for _ in range(epochs):
        for images, labels, mask in batches:
            loss = masked_loss(model(images), labels, mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        correct, total = evaluate(model, val)
        assert total == 12_000
        if rank == 0:
            run.epoch(correct / total, loss=loss.item(), waiting=batches.stats.wait_share)
    correct, total = evaluate(model, test)
    assert total == 10_000
    if rank == 0:
        assert correct == correct_of_one_process(model, client), 'the evaluation is exact'
        run.finish(correct / total)
    distributed.destroy_process_group()


def correct_of_one_process(model: nn.Module, client: Client) -> int:
    batches = loader(client, 'mnist', 'test', batch_size=1000, layout='flat', rank=0, world_size=1)
    with torch.inference_mode():
        return sum(int((model(images).argmax(1) == labels).sum()) for images, labels in batches)


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=3)
    add_save(parser)
    options = parser.parse_args()
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    torch.multiprocessing.start_processes(train, (port, options.epochs, options.save), WORLD_SIZE, start_method='spawn')
