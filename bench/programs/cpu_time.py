"""CPU time of this process and all its descendants, such as the workers of a DataLoader."""
import os
import resource
import time
from pathlib import Path


def cpu_seconds():
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
