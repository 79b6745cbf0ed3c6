"""Trains a CNN with JAX and Optax.

    python examples/jax_cnn.py [--epochs 8]
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import optax
from mnist_batches import Batches, Client
from mnist_batches.jax import batches as on_device
from records import Run

BATCH_SIZE = 128
# Filters, inputs, size and stride of each convolution.
LAYERS = ((32, 1, 5, 2), (32, 32, 3, 1), (64, 32, 3, 2), (64, 64, 3, 1))
DIMENSIONS = ('NHWC', 'HWIO', 'NHWC')

Parameters = dict[str, Any]


def create_parameters(key: jax.Array) -> Parameters:
    keys = jax.random.split(key, len(LAYERS) + 1)
    initialize = jax.nn.initializers.he_normal()
    convolutions = [{'kernel': initialize(key, (size, size, inputs, filters)), 'scale': jnp.ones(filters),
                     'bias': jnp.zeros(filters)} for key, (filters, inputs, size, _) in zip(keys, LAYERS, strict=False)]
    return {'convolutions': convolutions, 'dense': initialize(keys[-1], (LAYERS[-1][0], 10)), 'bias': jnp.zeros(10)}


def predict(parameters: Parameters, images: jax.Array) -> jax.Array:
    for layer, (_, _, _, stride) in zip(parameters['convolutions'], LAYERS, strict=True):
        images = jax.lax.conv_general_dilated(images, layer['kernel'], (stride, stride), 'SAME',
                                              dimension_numbers=DIMENSIONS)
        # Normalizes each sample, so that training and evaluation are the same function.
        images = jax.nn.standardize(images, axis=(1, 2, 3)) * layer['scale'] + layer['bias']
        images = jax.nn.relu(images)
    return images.mean((1, 2)) @ parameters['dense'] + parameters['bias']


def mean_loss(parameters: Parameters, images: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(predict(parameters, images), labels).mean()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=8)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    client = Client()
    train = Batches(client, 'mnist', 'train', batch_size=BATCH_SIZE, layout='nhwc', seed=options.seed,
                    augment='shift:2', remainder='drop')
    optimizer = optax.adamw(optax.cosine_decay_schedule(3e-3, options.epochs * len(train)))

    @jax.jit
    def step(parameters: Parameters, state: Any, images: jax.Array, labels: jax.Array) -> tuple[Any, ...]:
        loss, gradients = jax.value_and_grad(mean_loss)(parameters, images, labels)
        updates, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state, loss

    @jax.jit
    def count_correct(parameters: Parameters, images: jax.Array, labels: jax.Array) -> jax.Array:
        return (predict(parameters, images).argmax(1) == labels).sum()

    def evaluate(parameters: Parameters, split: str) -> float:
        # Batches of one shape are compiled once.
        source = Batches(client, 'mnist', split, batch_size=1000, layout='nhwc')
        counts = [count_correct(parameters, batch.images, batch.labels) for batch in on_device(source)]
        return float(sum(counts)) / source.total

    run = Run('jax', seed=options.seed, epochs=options.epochs)
    parameters = create_parameters(jax.random.key(options.seed))
    state = optimizer.init(parameters)
    best, selected = 0.0, parameters
    for _ in range(options.epochs):
        for images, labels, _, _ in on_device(train):
            parameters, state, loss = step(parameters, state, images, labels)
        accuracy = evaluate(parameters, 'val')
        if accuracy >= best:
            best, selected = accuracy, parameters
        run.epoch(accuracy, loss=float(loss), waiting=train.stats.wait_share)
    run.finish(evaluate(selected, 'test'), waiting=train.stats.wait_share)


if __name__ == '__main__':
    main()
