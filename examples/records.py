"""The results of training runs, as examples/results/NAME.json: one run per seed and set of options."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get('RESULTS_DIR') or Path(__file__).parent / 'results')


class Run:
    """Prints the progress of a run, and saves its result."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name, self.options = name, options
        self.epochs: list[dict[str, float]] = []
        self._started = time.perf_counter()

    def epoch(self, val_accuracy: float, **values: float) -> None:
        seconds = time.perf_counter() - self._started
        self._started = time.perf_counter()
        self.epochs.append({'val_accuracy': val_accuracy, 'seconds': seconds, **values})
        numbers = ', '.join(f'{name} {value:.4f}' for name, value in values.items())
        print(f'epoch {len(self.epochs)}: val accuracy {val_accuracy:.2%}, {seconds:.1f} s, {numbers}', flush=True)

    def finish(self, test_accuracy: float, **values: float) -> None:
        """The test split is used once, for the model that was selected on `val`."""
        print(f'{self.name} {self.options}: test accuracy {test_accuracy:.2%}', flush=True)
        path = FOLDER / f'{self.name}.json'
        runs = json.loads(path.read_text()) if path.exists() else []
        runs = [run for run in runs if run['options'] != self.options]
        runs.append({'options': self.options, 'test_accuracy': test_accuracy, **values, 'epochs': self.epochs})
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(runs, indent=1) + '\n')
