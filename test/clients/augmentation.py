"""
Augmentation and padding, written from docs/reproducibility.md alone: NumPy, no code of the server.

Words are uint64 arrays of unsigned 32-bit numbers. Every float64 operation rounds once, in the order written.
"""

import numpy as np

from reference import mix

NAMES = ('flip', 'rotate', 'shift', 'scale', 'elastic', 'noise', 'cutout')

ROTATE, SHIFT_COLUMNS, SHIFT_ROWS, SCALE, CUTOUT_COLUMN, CUTOUT_ROW, FLIP = range(7)
ELASTIC = 0x10000
NOISE = 0x20000


def sample_keys(ids, seed=0, epoch=0):
    """The keys that also order an epoch: int [n] -> uint64 [n]."""
    a = mix([seed])
    b = mix(a ^ mix([epoch + 0x9E3779B9]))
    return mix(mix(np.asarray(ids, np.uint64) ^ a) + b)


def words(keys, numbers):
    """Words of each sample: uint64 [n], int [m] -> uint64 [n, m]."""
    keys = keys[:, None]
    return mix(mix(np.asarray(numbers, np.uint64) ^ keys) + mix(keys + np.uint64(0x9E3779B9)))


def signed(word):
    """Between -1 and 1: uint64 [n] -> float64 [n]."""
    return (2 * word.astype(np.float64) + 1 - 2.0 ** 32) / 2.0 ** 32


def below(word, count):
    """From 0 up to count - 1: uint64 [n] -> int64 [n]."""
    return np.floor(word.astype(np.float64) * count / 2.0 ** 32).astype(np.int64)


def augment(images, keys, strengths):
    """uint8 [n, channels, rows, columns], keys uint64 [n], name -> strength: uint8 of the same shape."""
    if 'flip' in strengths:
        is_flipped = words(keys, [FLIP]) < strengths['flip'] * 2.0 ** 32
        images = np.where(is_flipped[:, :, None, None], images[..., ::-1], images)
    if any(name in strengths for name in ('rotate', 'shift', 'scale', 'elastic')):
        images = by_plane(resample, images, keys, strengths)
    if 'noise' in strengths:
        images = add_noise(images, keys, strengths['noise'])
    if 'cutout' in strengths:
        images = by_plane(cut_out, images, keys, strengths['cutout'])
    return images


def by_plane(change, images, keys, strength):
    """Changes all planes of an image alike."""
    return np.stack([change(plane, keys, strength) for plane in np.moveaxis(images, 1, 0)], axis=1)


def resample(images, keys, strengths):
    """Rotation, scale, shift and elastic distortion at once, bilinear in 1/256 pixel."""
    count, rows, columns = images.shape
    first = words(keys, range(4))
    angle = strengths.get('rotate', 0) * signed(first[:, ROTATE]) * (np.pi / 180)
    size = 1 + strengths.get('scale', 0) * signed(first[:, SCALE])
    cos = (cosine(angle) / size)[:, None, None]
    sin = (sine(angle) / size)[:, None, None]
    right = strengths.get('shift', 0) * signed(first[:, SHIFT_COLUMNS])[:, None, None]
    down = strengths.get('shift', 0) * signed(first[:, SHIFT_ROWS])[:, None, None]

    centre_column, centre_row = (columns - 1) / 2, (rows - 1) / 2
    u = np.arange(columns)[None, None, :] - centre_column - right
    v = np.arange(rows)[None, :, None] - centre_row - down
    x = cos * u + sin * v + centre_column
    y = cos * v - sin * u + centre_row
    if 'elastic' in strengths:
        unit = strengths['elastic'] / (4096 * 385 ** 2)
        by_columns, by_rows = elastic_field(keys, rows, columns)
        x = x + unit * by_columns
        y = y + unit * by_rows

    x = np.floor(256 * x + 0.5).astype(np.int64)
    y = np.floor(256 * y + 0.5).astype(np.int64)
    column, fraction_x = x >> 8, x & 255
    row, fraction_y = y >> 8, y & 255

    def level(row, column):
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        index = np.arange(count)[:, None, None], row.clip(0, rows - 1), column.clip(0, columns - 1)
        return np.where(inside, images[index], 0).astype(np.int64)

    upper = (256 - fraction_x) * level(row, column) + fraction_x * level(row, column + 1)
    lower = (256 - fraction_x) * level(row + 1, column) + fraction_x * level(row + 1, column + 1)
    return (((256 - fraction_y) * upper + fraction_y * lower + 0x8000) >> 16).astype(np.uint8)


def sine(x):
    y = x * x
    return x * (1 - y / 6 * (1 - y / 20 * (1 - y / 42 * (1 - y / 72 * (1 - y / 110)))))


def cosine(x):
    y = x * x
    return 1 - y / 2 * (1 - y / 12 * (1 - y / 30 * (1 - y / 56 * (1 - y / 90 * (1 - y / 132)))))


def elastic_field(keys, rows, columns):
    """Displacements by columns and by rows, in units that the strength gives: int64 [n, rows, columns] each."""
    word = words(keys, ELASTIC + np.arange(rows * columns)).astype(np.int64).reshape(len(keys), rows, columns)
    # The three moving averages at once.
    kernel = np.convolve(np.convolve(np.ones(5, np.int64), np.ones(7, np.int64)), np.ones(11, np.int64))

    def smooth(field, axis):
        margin = [(0, 0)] * 3
        margin[axis] = (10, 10)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(field, margin), len(kernel), axis)
        return windows @ kernel

    return tuple(smooth(smooth(2 * half - 4095, 2), 1) for half in (word >> 20, word & 0xFFF))


def add_noise(images, keys, strength):
    values = np.prod(images.shape[1:])
    word = words(keys, NOISE + np.arange(3 * values)).astype('<u4')
    total = word.view(np.uint8).reshape(*images.shape, 12).sum(axis=-1, dtype=np.int64)
    level = np.floor(images + strength * (total - 1530) / 256 + 0.5)
    return level.clip(0, 255).astype(np.uint8)


def cut_out(images, keys, side):
    count, rows, columns = images.shape
    first = words(keys, range(6))
    top = below(first[:, CUTOUT_ROW], rows) - side // 2
    left = below(first[:, CUTOUT_COLUMN], columns) - side // 2
    row, column = np.arange(rows)[None, :, None], np.arange(columns)[None, None, :]
    top, left = top[:, None, None], left[:, None, None]
    inside = (row >= top) & (row < top + side) & (column >= left) & (column < left + side)
    return np.where(inside, 0, images).astype(np.uint8)


def pad(images, side):
    """[..., rows, columns] of any dtype -> [..., side, side], the images in the middle, 0 around."""
    rows, columns = images.shape[-2:]
    top, left = (side - rows) // 2, (side - columns) // 2
    margins = [(0, 0)] * (images.ndim - 2)
    return np.pad(images, (*margins, (top, side - rows - top), (left, side - columns - left)))
