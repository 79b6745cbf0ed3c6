"""Keras on the backend of KERAS_BACKEND. Steps receive no ids, so they are told by their labels."""

import json
import warnings
from typing import Any

import keras
import numpy as np
from common import (
    BATCH_SIZE,
    EPOCHS,
    OPTIONS,
    Steps,
    check,
    check_resumption,
    client,
    expected,
    labels,
    labels_of,
    report,
    steps_of_epoch,
)

from mnist_batches import Batches
from mnist_batches.keras import dataset

BACKEND = keras.backend.backend()


class Stop(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
    """Ends a run after some steps, with the state that a checkpoint would have."""

    def __init__(self, source: Batches, steps: list[Any], stop: int | None) -> None:
        super().__init__()
        self.source, self.steps, self.stop, self.state = source, steps, stop, {}  # type: ignore[var-annotated]
        self.number = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.number += 1
        if self.number == self.stop:
            self.state = self.source.state_dict()
            self.model.stop_training = True


class Model(keras.Sequential):  # type: ignore[misc, name-defined]
    """Records the labels that each training step receives."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__([keras.Input((784,)), keras.layers.Dense(10)])
        self.record = lambda values: steps.append(np.asarray(values).ravel().tolist())

    def train_step(self, *arguments: Any) -> Any:
        labels = arguments[-1][1]
        if BACKEND == "jax":
            # The step is traced once and compiled.
            import jax

            jax.debug.callback(self.record, labels, ordered=True)
        else:
            self.record(keras.ops.convert_to_numpy(labels))
        return super().train_step(*arguments)


def create_model(steps: list[Any]) -> Any:
    model = Model(steps)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=BACKEND == "jax",
                  run_eagerly=BACKEND != "jax")
    return model


def run(epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
    source = Batches(client(), **OPTIONS, layout="flat")
    if state is not None:
        source.load_state_dict(json.loads(json.dumps(state)))
    first = source.epoch
    steps: list[Any] = []
    control = Stop(source, steps, stop)
    model = create_model(steps)
    model.fit(dataset(source), epochs=epochs, initial_epoch=first, callbacks=[control], verbose=0)
    if BACKEND == "jax":
        import jax

        jax.effects_barrier()
    return steps, control.state


def check_labels(name: str) -> None:
    """`check_resumption`, with labels in place of ids."""
    import common

    plain = common.check
    common.check = lambda cell, found, wanted, rank=0: plain(cell, found, labels_of(wanted), rank)
    try:
        check_resumption(name, run)
    finally:
        common.check = plain


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    name = f"Keras on {BACKEND}"
    check_labels(f"{name}, fit")
    steps: list[Any] = []
    limit = steps_of_epoch() // 2
    source = Batches(client(), **OPTIONS, layout="flat")
    create_model(steps).fit(dataset(source), epochs=4, steps_per_epoch=limit, verbose=0)
    if BACKEND == "jax":
        import jax

        jax.effects_barrier()
    wanted = expected(range(EPOCHS))
    # Keras ends an epoch with the data, and begins the next one with the next data.
    check(f"{name}, steps_per_epoch", steps, labels_of(wanted)[:len(steps)])
    report(f"{name}, steps_per_epoch, number of steps", "exact" if 3 * limit < len(steps) <= 4 * limit + 1 else
           f"{len(steps)} steps of {limit} each")
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    val = Batches(client(), split="val", batch_size=BATCH_SIZE, layout="flat")
    scores = np.concatenate([keras.ops.convert_to_numpy(model(batch.images)) for batch in val])
    exact = float((scores.argmax(1) == client().labels("mnist", "val")).mean())
    accuracies = [model.evaluate(dataset(val), verbose=0)[1] for _ in range(2)]
    report(f"{name}, evaluate", "exact" if np.allclose(accuracies, exact, atol=1e-6) else f"{accuracies}, not {exact}")
    predicted = model.predict(dataset(val), verbose=0)
    same = np.array_equal(predicted.argmax(1), scores.argmax(1))
    report(f"{name}, predict", "exact" if same else "other predictions")
    assert len(labels()) == 48_000
