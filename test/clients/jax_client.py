"""
Loads a batch into JAX from the bytes of a response.

    python3 jax_client.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import sys
from urllib.request import urlopen

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.flax import load

from reference import read_idx

base, folder = sys.argv[1:]
BATCH = f'{base}/v1/datasets/mnist/splits/test/batches?batch_size=300&normalization=unit&layout=nhwc&format=safetensors'

images = read_idx(folder, 't10k-images-idx3-ubyte')[:300, :, :, None].astype(np.float32) / np.float32(255)
classes = read_idx(folder, 't10k-labels-idx1-ubyte')[:300]

# images float32 [300, 28, 28, 1], labels float32 [300, 10], ids int32 [300].
with urlopen(BATCH) as response:
    batch = load(response.read())

assert batch['images'].dtype == jnp.float32 and batch['images'].shape == (300, 28, 28, 1)
assert batch['labels'].dtype == jnp.float32 and batch['labels'].shape == (300, 10)
assert np.asarray(batch['images']).tobytes() == images.tobytes()
assert np.array_equal(jnp.argmax(batch['labels'], axis=1), classes)


@jax.jit
def loss(weights, batch):
    """Mean cross-entropy of a linear model; weights float32 [784, 10]."""
    logits = batch['images'].reshape(-1, 784) @ weights
    return -jnp.mean(jnp.sum(batch['labels'] * jax.nn.log_softmax(logits), axis=1))


start = jnp.zeros((784, 10))
before = float(loss(start, batch))
after = float(loss(start - 0.5 * jax.grad(loss)(start, batch), batch))
assert abs(before - np.log(10)) < 1e-5 and after < before
shape, dtype = batch['images'].shape, batch['images'].dtype
print(f'jax: {shape} {dtype} equal to the IDX file; loss {before:.3f} -> {after:.3f} after one step')
