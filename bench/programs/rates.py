"""What the programs that read batches with PyTorch have in common."""
import json
import sys
import time

from cpu_time import cpu_seconds


def print_rates(epochs):
    """Each line of input is a number of seconds to measure; prints samples, samples per second and CPU seconds.

    `epochs` returns an iterator over the batches of one epoch after another: images and labels.
    """
    for line in sys.stdin:
        seconds = float(line)
        batches = epochs()
        next(batches)  # starts threads and workers
        samples, started, cpu = 0, time.perf_counter(), cpu_seconds()
        while (elapsed := time.perf_counter() - started) < seconds:
            images, labels = next(batches)
            assert images.shape[1:] == (1, 28, 28) and images.itemsize == 4
            samples += len(labels)
        cpu = cpu_seconds() - cpu
        batches.close()
        print(json.dumps({'samples': samples, 'samples/s': samples / elapsed, 'cpu s': cpu}), flush=True)
