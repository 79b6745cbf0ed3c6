"""JAX: a plain loop, and two processes that average their gradients."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from common import OPTIONS, Steps, check_resumption, client

from mnist_batches import Batches
from mnist_batches.jax import batches as on_device


def run(epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    source = Batches(client(), **OPTIONS, layout="flat")
    if state is not None:
        source.load_state_dict(state)
    weights = jnp.zeros((784, 10))
    steps: Steps = []
    while source.epoch < epochs:
        for images, labels, ids, _ in on_device(source, jax.local_devices()[0]):
            weights = step(weights, images, labels)
            steps.append(np.asarray(ids).tolist())
            if len(steps) == stop:
                return steps, source.state_dict()
    return steps, None


@jax.jit
def step(weights: Any, images: Any, labels: Any) -> Any:
    def loss(weights: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(images @ weights), labels[:, None], 1).mean()

    return weights - 0.1 * jax.grad(loss)(weights)


if __name__ == "__main__":
    rank, world_size = 0, 1
    if len(sys.argv) > 1:
        rank, world_size = int(sys.argv[1]), 2
        jax.distributed.initialize(sys.argv[2], world_size, rank)
    check_resumption(f"JAX, {world_size} processes", run, rank, world_size)
