"""
Loads batches into PyTorch from the bytes of a response, and trains on them.

    python3 torch_client.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import io
import sys
from urllib.request import urlopen

import numpy as np
import torch
from safetensors.torch import load as load_safetensors

from reference import read_idx

base, folder = sys.argv[1:]
BATCH = f'{base}/v1/datasets/mnist/splits/train/batches?batch_size=256&normalization=unit&labels=index&layout=nchw'

raw = read_idx(folder, 'train-images-idx3-ubyte')[:256]
images = torch.from_numpy(raw.astype(np.float32) / np.float32(255))[:, None]
labels = torch.from_numpy(read_idx(folder, 'train-labels-idx1-ubyte')[:256].astype(np.int64))


def fetch(format):
    """The bytes of the first batch."""
    with urlopen(f'{BATCH}&format={format}') as response:
        return response.read()


def from_npz(body):
    """Name -> tensor, which shares the memory of the NumPy array."""
    with np.load(io.BytesIO(body)) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def check(batch):
    """images float32 [256, 1, 28, 28], labels int64 [256], ids int32 [256]."""
    assert batch['images'].dtype == torch.float32 and batch['images'].shape == (256, 1, 28, 28)
    assert batch['labels'].dtype == torch.int64 and batch['labels'].shape == (256,)
    assert batch['ids'].dtype == torch.int32
    assert torch.equal(batch['images'], images)
    assert torch.equal(batch['labels'], labels)
    assert torch.equal(batch['ids'], torch.arange(256, dtype=torch.int32))


def train(batch, steps=20):
    """The cross-entropy at the first and the last step on one batch."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(model(batch['images']), batch['labels'])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


for name, load in (('safetensors', load_safetensors), ('npz', from_npz)):
    batch = load(fetch(name))
    check(batch)
    before, after = train(batch)
    assert after < before
    shape, dtype = tuple(batch['images'].shape), batch['images'].dtype
    print(f'{name}: {shape} {dtype} equal to the IDX file; cross-entropy {before:.3f} -> {after:.3f}')
