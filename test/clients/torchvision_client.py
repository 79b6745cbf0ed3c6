"""
Makes torchvision download MNIST from the server. It verifies the MD5 of each file; its images must equal the batches.

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
    # torchvision's operators may be built for another torch. MNIST uses none of them, but the import registers some.
    for name in [name for name in sys.modules if name.startswith('torchvision')]:
        del sys.modules[name]
    for name in ('nms', 'qnms'):
        torch.library.define(f'torchvision::{name}', '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')

from torchvision.datasets import MNIST

base, _folder = sys.argv[1:]
MNIST.mirrors = [f'{base}/v1/datasets/mnist/files/']


def fetch(*splits):
    """The raw images uint8 [n, 28, 28] and labels int64 [n] of these splits, concatenated."""
    images, labels = [], []
    for split in splits:
        page, pages = 0, 1
        while page < pages:
            batches = f'{base}/v1/datasets/mnist/splits/{split}/batches?batch_size=4096'
            query = f'format=npz&normalization=raw&labels=index&page={page}'
            with urlopen(f'{batches}&{query}') as response, np.load(io.BytesIO(response.read())) as batch:
                images.append(batch['images'].reshape(-1, 28, 28))
                labels.append(batch['labels'])
                pages = int(response.headers['Batch-Pages'])
            page += 1
    return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels))


with TemporaryDirectory() as root:
    for train, splits in ((True, ('train', 'val')), (False, ('test',))):
        dataset = MNIST(root, train=train, download=True)
        images, labels = fetch(*splits)
        assert dataset.data.dtype == torch.uint8 and torch.equal(dataset.data, images)
        assert dataset.targets.dtype == torch.int64 and torch.equal(dataset.targets, labels)
        batches = f'the batches of {" and ".join(splits)}'
        print(f'torchvision.datasets.MNIST(train={train}): {len(dataset)} samples, verified, equal to {batches}')
