"""Which share of an epoch this process reads."""

from __future__ import annotations

import os
import sys

_VARIABLES = (
    ("RANK", "WORLD_SIZE"),
    # Of the step: a batch script itself is one process, whatever number of tasks its job may start.
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
)

def detect_rank() -> tuple[int, int]:
    """Rank and world size: from torch.distributed, a launcher's environment or JAX, else a single rank.

    Libraries are asked only if the program has imported them.

    Raises:
        ValueError: a launcher's environment has other values than rank and world size.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    for rank, world_size in _VARIABLES:
        if rank in os.environ and world_size in os.environ:
            return _parse(rank, world_size)
    jax = sys.modules.get("jax")
    if jax is not None and jax.distributed.is_initialized():
        return jax.process_index(), jax.process_count()
    return 0, 1

def detect_worker() -> tuple[int, int]:
    """Number of this DataLoader worker and of all workers; a single one outside of workers."""
    data = sys.modules.get("torch.utils.data")
    info = data.get_worker_info() if data is not None else None
    return (0, 1) if info is None else (info.id, info.num_workers)

def is_worker() -> bool:
    """Whether this process is a DataLoader worker, which may not be able to detect the rank of its parent."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None

def _parse(rank_name: str, world_size_name: str) -> tuple[int, int]:
    texts = os.environ[rank_name], os.environ[world_size_name]
    try:
        rank, world_size = map(int, texts)
    except ValueError:
        rank, world_size = 0, 0
    if not 0 <= rank < world_size:
        raise ValueError(f"{rank_name}={texts[0]!r} and {world_size_name}={texts[1]!r} in the environment are no rank "
                         "and world size; pass rank=0, world_size=1 to ignore them")
    return rank, world_size
