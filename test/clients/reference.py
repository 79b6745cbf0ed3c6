"""The preparation of an IDX dataset, written from docs/reproducibility.md alone: NumPy, no code of the server."""

import math
import os
from fractions import Fraction

import numpy as np


def read_idx(folder, name):
    """An IDX file of unsigned bytes -> uint8 of the shape in its header."""
    with open(os.path.join(folder, name), 'rb') as file:
        content = file.read()
    if content[:3] != b'\x00\x00\x08':
        raise ValueError(f'{name} is not an IDX file of unsigned bytes')
    shape = np.frombuffer(content, '>u4', content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def prepare(folder, mode='contiguous', val_fraction='0.2', seed=0, denoise='none', mean_over='train'):
    """
    The dataset of a server with these settings.

    Returns a dict:
      images  split -> uint8 [n, rows, columns], denoised
      labels  split -> uint8 [n]
      mean    float32 [rows, columns]
      mu, sigma  float32 scalars
    """
    images = read_idx(folder, 'train-images-idx3-ubyte')
    labels = read_idx(folder, 'train-labels-idx1-ubyte')
    train, val = partition(labels, mode, val_fraction, seed)
    denoiser = {'none': lambda images: images, 'median3': median3, 'gaussian': gaussian}[denoise]
    split_images = {
        'train': denoiser(images[train]),
        'val': denoiser(images[val]),
        'test': denoiser(read_idx(folder, 't10k-images-idx3-ubyte'))
    }
    split_labels = {'train': labels[train], 'val': labels[val], 'test': read_idx(folder, 't10k-labels-idx1-ubyte')}
    mu, sigma = level_statistics(split_images['train'])
    return {
        'images': split_images,
        'labels': split_labels,
        'mean': mean_image([split_images[name] for name in mean_over.split('+')]),
        'mu': np.float32(mu),
        'sigma': np.float32(sigma)
    }


def mix(h):
    """MurmurHash3's 32-bit finalizer: uint64 [n] below 2**32 -> uint64 [n], so that products do not wrap."""
    h = np.asarray(h, np.uint64) & 0xFFFFFFFF
    h = (h ^ (h >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ (h >> 16)


def shuffled_order(count, seed, epoch=0):
    """The positions 0 to count - 1 in the order of their keys: int64 [count]."""
    a = mix([seed])
    b = mix(a ^ mix([epoch + 0x9E3779B9]))
    return np.argsort(mix(mix(np.arange(count, dtype=np.uint64) ^ a) + b), kind='stable')


def partition(labels, mode, val_fraction, seed):
    """Positions of train and val among the training samples: int64 [n] each."""
    count = len(labels)
    val_count = math.ceil(Fraction(val_fraction) * count)
    order = np.arange(count) if mode == 'contiguous' else shuffled_order(count, seed)
    in_val = np.zeros(count, bool)
    if mode == 'stratified':
        for label, share in enumerate(largest_remainder(np.bincount(labels), val_count)):
            of_class = order[labels[order] == label]
            in_val[of_class[len(of_class) - share:]] = True
    else:
        in_val[order[count - val_count:]] = True
    return order[~in_val[order]], order[in_val[order]]


def largest_remainder(sizes, seats):
    """Seats in proportion to sizes: int64 [k] -> int64 [k] with the sum `seats`."""
    shares, remainders = np.divmod(sizes * seats, sizes.sum())
    left = seats - shares.sum()
    shares[np.argsort(-remainders, kind='stable')[:left]] += 1
    return shares


def neighbours(images):
    """The nine pixels around each, borders repeated: list of nine uint8 [n, rows, columns], row by row."""
    rows, columns = images.shape[1:]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), 'edge')
    return [padded[:, y:y + rows, x:x + columns] for y in range(3) for x in range(3)]


def median3(images):
    """uint8 [n, rows, columns] -> uint8 of the same shape; with SciPy's independent filter if it is installed."""
    try:
        from scipy.ndimage import median_filter
    except ImportError:
        chunks = np.array_split(images, 1 + len(images) // 1000)
        return np.concatenate([np.partition(neighbours(chunk), 4, axis=0)[4] for chunk in chunks])
    return median_filter(images, size=(1, 3, 3), mode='nearest')


def gaussian(images):
    """The kernel [1 2 1]' [1 2 1] / 16, rounded half up: uint8 [n, rows, columns] -> uint8 of the same shape."""
    total = np.zeros(images.shape, np.uint16)
    for weight, shifted in zip((1, 2, 1, 2, 4, 2, 1, 2, 1), neighbours(images)):
        total += np.uint16(weight) * shifted.astype(np.uint16)
    return ((total + 8) >> 4).astype(np.uint8)


def mean_image(splits):
    """uint8 [n, rows, columns] each -> float32 [rows, columns] over all splits, from a float64 quotient."""
    sums = sum(images.sum(axis=0, dtype=np.int64) for images in splits)
    return (sums / (255 * sum(len(images) for images in splits))).astype(np.float32)


def level_statistics(images):
    """Mean and population standard deviation of all pixels in units of full scale: float64 each."""
    counts = np.bincount(images.ravel(), minlength=256)
    levels = np.arange(256)
    n, total, squares = (int((counts * levels ** power).sum()) for power in (0, 1, 2))
    level = total / n
    return total / (255 * n), math.sqrt(squares / n - level * level) / 255


def normalize(prepared, images, normalization):
    """uint8 [n, ...] -> float32 of the same shape, with values that broadcast; unchanged for `raw`."""
    if normalization == 'raw':
        return images
    unit = images.astype(np.float32) / np.float32(255)
    if normalization == 'unit':
        return unit
    if normalization == 'centered':
        return unit - prepared['mean']
    return (unit - prepared['mu']) / prepared['sigma']
