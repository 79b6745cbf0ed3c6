"""Trains a CNN with JAX and Optax.

    python examples/jax_cnn.py [--epochs 3] [--save]
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import optax
from mnist_batches import Batches, Client
from mnist_batches.jax import batches as on_device
from records import Run, add_save

BATCH_SIZE = 128
DIMENSIONS = ('NHWC', 'HWIO', 'NHWC')

Parameters = dict[str, Any]


def create_parameters(key: jax.Array) -> Parameters:
    shapes = {'first': (5, 5, 1, 32), 'second': (3, 3, 32, 64), 'hidden': (7 * 7 * 64, 128), 'scores': (128, 10)}
    initialize = jax.nn.initializers.he_normal()
    keys = jax.random.split(key, len(shapes))
    return {name: {'weights': initialize(key, shape), 'bias': jnp.zeros(shape[-1])}
            for key, (name, shape) in zip(keys, shapes.items(), strict=True)}


def predict(parameters: Parameters, images: jax.Array) -> jax.Array:
    first, second, hidden, scores = (parameters[name] for name in ('first', 'second', 'hidden', 'scores'))
    images = convolve(images, first, stride=2)
    images = convolve(images, second, stride=1)
    images = jax.lax.reduce_window(images, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID')
    features = jax.nn.relu(images.reshape(len(images), -1) @ hidden['weights'] + hidden['bias'])
    return features @ scores['weights'] + scores['bias']


def convolve(images: jax.Array, layer: Parameters, stride: int) -> jax.Array:
    result = jax.lax.conv_general_dilated(images, layer['weights'], (stride, stride), 'SAME',
                                          dimension_numbers=DIMENSIONS)
    return jax.nn.relu(result + layer['bias'])


def mean_loss(parameters: Parameters, images: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(predict(parameters, images), labels).mean()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=3)
    parser.add_argument('--seed', type=int, default=0)
    add_save(parser)
    options = parser.parse_args()
    client = Client()
    train = Batches(client, 'mnist', 'train', batch_size=BATCH_SIZE, layout='nhwc', seed=options.seed,
                    augment='shift:2', remainder='drop')
    optimizer = optax.adamw(optax.cosine_decay_schedule(2e-3, options.epochs * len(train)))

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

    run = Run('jax', options.save, seed=options.seed, epochs=options.epochs)
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
