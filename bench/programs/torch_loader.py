"""Reads torchvision's MNIST in a DataLoader, in shuffled batches of 128.

    python3 torch_loader.py ROOT WORKERS
"""
import sys

import torch
from rates import print_rates
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


print_rates(epochs)
