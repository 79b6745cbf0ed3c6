"""Trains a CNN with Keras, on the backend that KERAS_BACKEND names.

    python examples/keras_cnn.py [--epochs 2] [--save]
"""

from __future__ import annotations

import argparse
from typing import Any

import keras
from mnist_batches import Batches, Client
from mnist_batches.keras import dataset
from records import Run, add_save

BATCH_SIZE = 128


def create_model() -> keras.Model:
    layers: list[Any] = [keras.Input((28, 28, 1))]
    for filters, size, strides in ((32, 5, 2), (64, 3, 1), (64, 3, 2), (128, 3, 1)):
        layers += [
            keras.layers.Conv2D(filters, size, strides, padding='same', use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU()
        ]
    return keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    add_save(parser)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    client = Client()

    def batches(split: str, **order: Any) -> Any:
        return dataset(Batches(client, 'mnist', split, batch_size=BATCH_SIZE, layout='nhwc', **order))

    run = Run('keras', options.save, seed=options.seed, epochs=options.epochs, backend=keras.backend.backend())
    train = batches('train', seed=options.seed, augment='shift:2')
    model = create_model()
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, options.epochs * len(train))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(schedule), loss, metrics=['accuracy'])
    # Selects the weights of the best epoch.
    best = keras.callbacks.EarlyStopping('val_accuracy', mode='max', patience=options.epochs,
                                         restore_best_weights=True)
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: run.epoch(logs['val_accuracy'], loss=logs['loss']))
    model.fit(train, validation_data=batches('val'), epochs=options.epochs, callbacks=[best, report], verbose=0)
    _, accuracy = model.evaluate(batches('test'), verbose=0)
    run.finish(float(accuracy))


if __name__ == '__main__':
    main()
