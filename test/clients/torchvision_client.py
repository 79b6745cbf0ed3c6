"""
Has torchvision download MNIST from the server: it verifies the MD5 of each file, and loads what the server serves as batches.

    python3 torchvision_client.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import io
import sys
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import numpy as np
import torch

try:
    import torchvision
except RuntimeError:
    # Its operators may be built for another torch. MNIST uses none of them; the import asks for some.
    for name in [name for name in sys.modules if name.startswith('torchvision')]:
        del sys.modules[name]
    for name in ('nms', 'qnms'):
        torch.library.define(f'torchvision::{name}', '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')

from torchvision.datasets import MNIST

base, _folder = sys.argv[1:]
MNIST.mirrors = [f'{base}/v1/datasets/mnist/files/']


def served(*splits):
    """uint8 [n, 28, 28] and int64 [n] of these splits, one after the other, as the server prepared them."""
    images, labels = [], []
    for split in splits:
        page, pages = 0, 1
        while page < pages:
            url = f'{base}/v1/datasets/mnist/splits/{split}/batches?format=npz&normalization=raw&labels=index&batch_size=4096&page={page}'
            with urlopen(url) as response, np.load(io.BytesIO(response.read())) as batch:
                images.append(batch['images'].reshape(-1, 28, 28))
                labels.append(batch['labels'])
                pages = int(response.headers['Batch-Pages'])
            page += 1
    return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels))


with TemporaryDirectory() as root:
    for train, splits in ((True, ('train', 'val')), (False, ('test',))):
        dataset = MNIST(root, train=train, download=True)
        images, labels = served(*splits)
        assert dataset.data.dtype == torch.uint8 and torch.equal(dataset.data, images)
        assert dataset.targets.dtype == torch.int64 and torch.equal(dataset.targets, labels)
        print(f'torchvision.datasets.MNIST(train={train}): {len(dataset)} samples, downloaded, verified, equal to the batches of {" and ".join(splits)}')
