"""What the programs that read batches with PyTorch have in common."""
import json
import os
import resource
import sys
import time
from pathlib import Path


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


def cpu_seconds():
    """CPU time of this process and all its descendants, such as the workers of a DataLoader."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(map(_ticks, _descendants(os.getpid()))) / os.sysconf('SC_CLK_TCK')
    return time.process_time() + ended.ru_utime + ended.ru_stime + running


def _descendants(pid):
    for path in Path(f'/proc/{pid}/task').glob('*/children'):
        for child in path.read_text().split():
            yield child
            yield from _descendants(child)


def _ticks(pid):
    """User and system time of a process and of its children that ended."""
    return sum(map(int, Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[11:15]))
