"""Reads torchvision's MNIST in a DataLoader. Each line of input is a number of seconds to measure; prints samples per
second.

    python3 torch_loader.py ROOT WORKERS
"""
import json
import sys
import time

import torch
from torch.utils.data import DataLoader

try:
    import torchvision
except RuntimeError:
    # torchvision's operators may be built for another torch. MNIST uses none of them, but the import registers some.
    for name in [name for name in sys.modules if name.startswith('torchvision')]:
        del sys.modules[name]
    for name in ('nms', 'qnms'):
        torch.library.define(f'torchvision::{name}', '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    import torchvision

from torchvision import transforms
from torchvision.datasets import MNIST

root, workers = sys.argv[1], int(sys.argv[2])
normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
dataset = MNIST(root, train=True, download=False, transform=normalize)
loader = DataLoader(dataset, batch_size=128, shuffle=True, num_workers=workers)


def epochs():
    while True:
        yield from loader


for line in sys.stdin:
    seconds = float(line)
    batches = epochs()
    next(batches)  # starts the workers
    samples, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        images, labels = next(batches)
        assert images.shape[1:] == (1, 28, 28)
        samples += len(labels)
    batches.close()
    print(json.dumps(samples / elapsed), flush=True)
