"""What the training step receives in each framework: the programs in `training/`, in processes of their own."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from servers import RealServer

FOLDER = Path(__file__).parent / "training"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")

# Program and arguments, what it needs, and the number of lines that it prints: one for each cell and rank.
PROGRAMS: dict[str, tuple[Sequence[str], Sequence[str], int]] = {
    "plain loop": (("plain_loop.py",), ("torch",), 7),
    "DDP, 2 ranks": ((*TORCHRUN, "2", "ddp.py"), ("torch",), 12),
    "DDP, 3 ranks": ((*TORCHRUN, "3", "ddp.py"), ("torch",), 18),
    "DataLoader": (("data_loader.py",), ("torchdata",), 13),
    "Lightning": (("lightning_fit.py",), ("lightning", "torchdata"), 12),
    "Lightning, 2 devices": (("lightning_fit.py", "2"), ("lightning",), 4),
    "accelerate, 1 process": (("accelerate_loop.py",), ("accelerate",), 3),
    "accelerate, 2 processes": ((*TORCHRUN, "2", "accelerate_loop.py"), ("accelerate",), 10),
    "Trainer, 1 process": (("trainer.py", "{scratch}"), ("transformers", "accelerate"), 4),
    "Trainer, 2 processes": ((*TORCHRUN, "2", "trainer.py", "{scratch}"), ("transformers", "accelerate"), 8),
    "Keras on tensorflow": (("keras_fit.py",), ("keras", "tensorflow"), 7),
    "Keras on torch": (("keras_fit.py",), ("keras", "torch"), 7),
    "Keras on jax": (("keras_fit.py",), ("keras", "jax"), 7),
    "tf.data": (("tf_data.py",), ("tensorflow",), 4),
    "JAX": (("jax_loop.py",), ("jax",), 3),
    "JAX, process 0 of 2": (("jax_loop.py", "0", "{address}"), ("jax",), 3),
    "Ray Train": (("ray_train.py", "{scratch}/rank"), ("ray", "torch"), 6),
}


@pytest.mark.parametrize("batch_size", [128, 1000])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_training_step_receives_exactly_the_documented_samples(name: str, batch_size: int, server: RealServer,
                                                                   tmp_path: Path) -> None:
    command, modules, lines = PROGRAMS[name]
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    environment = {**os.environ, "MNIST_BATCHES_URL": server.url, "BATCH_SIZE": str(batch_size),
                   "TF_CPP_MIN_LOG_LEVEL": "2"}
    if name.startswith("Keras"):
        environment["KERAS_BACKEND"] = name.rpartition(" ")[2]
    arguments = [part.format(scratch=tmp_path, address=address) for part in command]
    peer = subprocess.Popen([sys.executable, "jax_loop.py", "1", address], cwd=FOLDER, env=environment,
                            stdout=subprocess.DEVNULL) if "of 2" in name else None
    try:
        done = subprocess.run([sys.executable, *arguments], cwd=FOLDER, env=environment, capture_output=True,
                              text=True, timeout=600)
    finally:
        if peer is not None:
            peer.kill()
            peer.wait()
    cells = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"cell"')]
    for cell in cells:
        print(f"{cell['result']:8} batches of {batch_size}, {cell['cell']}, rank {cell['rank']}")
    assert {cell["result"] for cell in cells} <= {"exact", "refused"}, [
        cell for cell in cells if cell["result"] not in ("exact", "refused")]
    assert len(cells) == lines, done.stdout[-2000:] + done.stderr[-4000:]
