"""Augments torchvision's MNIST in a DataLoader, sample by sample, at the strengths of bench/augmentation.js.

    python3 augmented_loader.py ROOT torchvision|albumentations affine|elastic|noise|all WORKERS
"""
import sys

import torch
from rates import print_rates
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import MNIST

MEAN, STD = 0.1307, 0.3081
# The strengths: degrees, pixels, change of size, (alpha, sigma), levels, side of the square.
ROTATE, SHIFT, SCALE, ELASTIC, NOISE, CUTOUT = 15, 2, 0.1, (34.0, 4.0), 10, 8


def torchvision_transform(name):
    from torchvision.transforms import InterpolationMode, v2
    shift, area = SHIFT / 28, CUTOUT ** 2 / 28 ** 2
    affine = v2.RandomAffine(ROTATE, (shift, shift), (1 - SCALE, 1 + SCALE), interpolation=InterpolationMode.BILINEAR)
    elastic = v2.ElasticTransform(*ELASTIC)
    noise = v2.GaussianNoise(sigma=NOISE / 255)
    cutout = v2.RandomErasing(1, (area, area), (1, 1))
    geometric = {'affine': [affine], 'elastic': [elastic], 'noise': [], 'all': [affine, elastic]}[name]
    others = {'affine': [], 'elastic': [], 'noise': [noise], 'all': [noise, cutout]}[name]
    to_float = v2.ToDtype(torch.float32, scale=True)
    return v2.Compose([v2.ToImage(), *geometric, to_float, *others, v2.Normalize((MEAN,), (STD,))])


def albumentations_transform(name):
    import albumentations as A
    import cv2
    import numpy as np
    cv2.setNumThreads(0)
    affine = A.Affine(rotate=(-ROTATE, ROTATE), translate_px=(-SHIFT, SHIFT), scale=(1 - SCALE, 1 + SCALE), p=1)
    elastic = A.ElasticTransform(*ELASTIC, p=1)
    noise = A.GaussNoise(std_range=(NOISE / 255, NOISE / 255), p=1)
    cutout = A.CoarseDropout((1, 1), (CUTOUT, CUTOUT), (CUTOUT, CUTOUT), fill=0, p=1)
    all_six = [affine, elastic, noise, cutout]
    chosen = {'affine': [affine], 'elastic': [elastic], 'noise': [noise], 'all': all_six}[name]
    transform = A.Compose([*chosen, A.Normalize((MEAN,), (STD,))])
    return lambda image: torch.from_numpy(transform(image=np.asarray(image)[..., None])['image']).permute(2, 0, 1)


root, library, name, workers = sys.argv[1:]
transform = {'torchvision': torchvision_transform, 'albumentations': albumentations_transform}[library](name)
torch.set_num_threads(1)
dataset = MNIST(root, train=True, download=False, transform=transform)
# One epoch without an end, so that workers start only once.
sampler = RandomSampler(dataset, replacement=True, num_samples=10 ** 9)
loader = iter(DataLoader(dataset, batch_size=128, sampler=sampler, num_workers=int(workers)))


def epochs():
    # Batches that were loaded in advance do not count.
    for _ in range(2 * int(workers)):
        next(loader)
    while True:
        yield next(loader)


print_rates(epochs)
