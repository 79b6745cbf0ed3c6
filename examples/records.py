"""The results of training runs; with --save as examples/results/NAME.json, one run per seed and set of options."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get('RESULTS_DIR') or Path(__file__).parent / 'results')


def add_save(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--save', action='store_true', help='write the result to examples/results, or RESULTS_DIR')


class Run:
    """Prints the progress of a run, and saves its result if it is to be kept."""

    def __init__(self, name: str, save: bool, **options: Any) -> None:
        self.name, self.options, self._save = name, options, save
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
        if not self._save:
            return
        path = FOLDER / f'{self.name}.json'
        runs = json.loads(path.read_text()) if path.exists() else []
        runs = [run for run in runs if run['options'] != self.options]
        runs.append({'options': self.options, 'test_accuracy': test_accuracy, **values, 'epochs': self.epochs})
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(runs, indent=1) + '\n')
