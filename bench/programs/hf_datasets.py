"""Reads shuffled batches of 128 with Hugging Face datasets from its fastest local layout: pixels as lists of fixed
length in a memory-mapped Arrow file, read as Arrow, normalized by NumPy.

    python3 hf_datasets.py FOLDER
"""
import sys
import tempfile

import numpy as np
import torch
from datasets import Dataset, Features, List, Value, disable_progress_bars
from rates import print_rates

SAMPLES = 48_000
MEAN, STD = np.float32(0.1307), np.float32(0.3081)


def read(name, header):
    return np.fromfile(f'{sys.argv[1]}/{name}', np.uint8, offset=header)


def load(folder):
    features = Features({'image': List(Value('uint8'), length=784), 'label': Value('int64')})
    images = read('train-images-idx3-ubyte', 16).reshape(-1, 784)[:SAMPLES]
    labels = read('train-labels-idx1-ubyte', 8)[:SAMPLES]
    disable_progress_bars()
    Dataset.from_dict({'image': images, 'label': labels}, features=features).save_to_disk(folder)
    return Dataset.load_from_disk(folder).with_format('arrow')


def epochs():
    while True:
        order = np.random.permutation(SAMPLES)
        for start in range(0, SAMPLES, 128):
            rows = dataset[order[start:start + 128]]
            pixels = rows['image'].combine_chunks().flatten().to_numpy().reshape(-1, 1, 28, 28)
            images = np.divide(pixels, np.float32(255), dtype=np.float32)
            images -= MEAN
            images /= STD
            yield torch.from_numpy(images), torch.from_numpy(rows['label'].to_numpy().copy())


with tempfile.TemporaryDirectory() as folder:
    dataset = load(folder)
    print_rates(epochs)
