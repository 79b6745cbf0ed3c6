"""mnist-batches info: what a server has."""

from __future__ import annotations

import argparse
from typing import Any

from ..client import Client


def add_info(commands: Any) -> None:
    parser = commands.add_parser("info", help="show the datasets of the server")
    parser.add_argument("dataset", nargs="?", help="only this one; waits until it is prepared")
    parser.set_defaults(run=_info)


def _info(client: Client, options: argparse.Namespace) -> int:
    datasets = client.datasets()
    if options.dataset is not None:
        _describe(client, options.dataset)
        return 0
    for dataset in datasets:
        if dataset["status"] == "ready":
            _describe(client, dataset["name"])
        else:
            print(f"{dataset['name']}: {dataset['status']}")
    return 0


def _describe(client: Client, name: str) -> None:
    dataset = client.dataset(name)
    splits = ", ".join(f"{split} {count:,}" for split, count in dataset.splits.items())
    print(f"{dataset.name}: {dataset.title}, version {dataset.version}")
    shape = "x".join(map(str, dataset.shape))
    print(f"  images   {shape}, mean {_decimals(dataset.mean)}, standard deviation {_decimals(dataset.std)}")
    print(f"  splits   {splits}")
    print(f"  classes  {', '.join(dataset.classes)}")
    print(f"  licence  {dataset.description['provenance']['licence']['name']}")


def _decimals(values: float | tuple[float, ...]) -> str:
    return " ".join(f"{value:.4f}" for value in (values if isinstance(values, tuple) else (values,)))
