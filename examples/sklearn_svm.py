"""Fits a support vector machine of scikit-learn to a random part of the training split.

    python examples/sklearn_svm.py [--samples 10000] [--save]
"""

from __future__ import annotations

import argparse

import numpy as np
from mnist_batches import Client
from numpy.typing import NDArray
from records import Run, add_save
from sklearn.svm import SVC


def gather(client: Client, split: str, ids: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    batch = client.gather('mnist', split, ids, normalization='unit', layout='flat')
    return batch.images, batch.labels


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--samples', type=int, default=10_000)
    parser.add_argument('--seed', type=int, default=0)
    add_save(parser)
    options = parser.parse_args()
    client = Client()
    splits = client.dataset('mnist').splits
    run = Run('sklearn', options.save, seed=options.seed, samples=options.samples)
    chosen = np.random.default_rng(options.seed).choice(splits['train'], options.samples, replace=False)
    images, labels = gather(client, 'train', chosen)
    val = gather(client, 'val', np.arange(2000))
    models = [SVC(C=10, gamma=gamma).fit(images, labels) for gamma in (0.01, 0.03)]
    scores = [float(model.score(*val)) for model in models]
    for score in scores:
        run.epoch(score)
    selected = models[int(np.argmax(scores))]
    run.finish(float(selected.score(*gather(client, 'test', np.arange(splits['test'])))))


if __name__ == '__main__':
    main()
