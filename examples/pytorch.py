"""Trains a CNN of 280,000 parameters with PyTorch, once per seed.

    python examples/pytorch.py [--augment rotate:12,shift:2,scale:0.1] [--epochs 3] [--seeds 1] [--bf16] [--save]
"""

from __future__ import annotations

import argparse
import copy
from typing import Any

import torch
from mnist_batches import Client
from mnist_batches.torch import Loader, loader
from records import Run, add_save
from torch import nn

BATCH_SIZE = 256


def block(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def create_model() -> nn.Module:
    # The first stride makes it four times as fast, and costs little accuracy.
    model = nn.Sequential(
        block(1, 32, size=5, stride=2), block(32, 64), block(64, 64, stride=2), block(64, 128), block(128, 128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(128, 10)
    )
    return model.to(memory_format=torch.channels_last)


def evaluate(model: nn.Module, batches: Loader[Any]) -> float:
    model.eval()
    correct = total = 0
    with torch.inference_mode():
        for images, labels in batches:
            correct += int((model(images).argmax(1) == labels).sum())
            total += len(labels)
    return correct / total


def train(client: Client, seed: int, epochs: int, augment: str | None, bf16: bool, save: bool) -> None:
    torch.manual_seed(seed)
    run = Run('pytorch', save, seed=seed, augment=augment, epochs=epochs)
    batches = loader(client, 'mnist', 'train', batch_size=BATCH_SIZE, seed=seed, augment=augment)
    val, test = (loader(client, 'mnist', split, batch_size=1000) for split in ('val', 'test'))
    model = create_model()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, epochs * len(batches))
    # An average of the weights generalizes better than the last ones.
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True)
    best, selected = 0.0, model
    for _ in range(epochs):
        model.train()
        for images, labels in batches:
            with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
                scores = model(images.to(memory_format=torch.channels_last))
            loss = nn.functional.cross_entropy(scores.float(), labels, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
        accuracy = evaluate(average, val)
        if accuracy >= best:
            best, selected = accuracy, copy.deepcopy(average)
        run.epoch(accuracy, loss=loss.item(), waiting=batches.stats.wait_share)
    run.finish(evaluate(selected, test), waiting=batches.stats.wait_share)


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--augment')
    parser.add_argument('--epochs', type=int, default=3)
    parser.add_argument('--seeds', type=int, default=1)
    parser.add_argument('--first-seed', type=int, default=0)
    parser.add_argument('--bf16', action='store_true', help='faster on processors that have it')
    add_save(parser)
    options = parser.parse_args()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        train(Client(), seed, options.epochs, options.augment, options.bf16, options.save)
