"""Slices shuffled batches of 128 from normalized tensors in memory: the limit for anything that copies batches.

    python3 torch_slices.py FOLDER
"""
import sys

import numpy as np
import torch
from rates import print_rates

SAMPLES = 48_000


def read(name, header):
    return torch.from_numpy(np.fromfile(f'{sys.argv[1]}/{name}', np.uint8, offset=header))


images = read('train-images-idx3-ubyte', 16).reshape(-1, 1, 28, 28)[:SAMPLES] / 255
images = (images - images.mean()) / images.std()
labels = read('train-labels-idx1-ubyte', 8)[:SAMPLES].long()


def epochs():
    while True:
        for indices in torch.randperm(SAMPLES).split(128):
            yield images[indices], labels[indices]


print_rates(epochs)
