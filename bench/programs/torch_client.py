"""Reads shuffled, normalized batches of 128 from the service, with the Python client as a training run uses it.

    python3 torch_client.py URL [AUGMENT]
"""
import sys

from mnist_batches import Client
from mnist_batches.torch import loader
from rates import print_rates

options = {'augment': sys.argv[2]} if len(sys.argv) > 2 else {}
batches = loader(Client(sys.argv[1]), 'mnist', 'train', batch_size=128, seed=1, **options)


def epochs():
    # No URL is requested twice, also after an epoch that a measurement breaks off.
    batches.set_epoch(batches.epoch + 1)
    while True:
        for batch in batches:
            yield batch.images, batch.labels


print_rates(epochs)
