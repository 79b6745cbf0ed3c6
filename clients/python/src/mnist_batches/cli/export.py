"""mnist-batches export: a split as files for programs without network access."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batches import Batches
from ..client import Client
from ..progress import ProgressBar


def add_export(commands: Any) -> None:
    parser = commands.add_parser("export", help="save a split as NPZ or IDX")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--split", action="append", help="may be repeated; default all")
    parser.add_argument("--format", choices=("npz", "idx"), default="npz")
    parser.add_argument("--normalization", default="raw", help="of NPZ: raw (default), unit, centered or standard")
    parser.set_defaults(run=_export)


def _export(client: Client, options: argparse.Namespace) -> int:
    if options.format == "idx" and options.normalization != "raw":
        raise ValueError("IDX files contain raw pixels")
    options.folder.mkdir(parents=True, exist_ok=True)
    dataset = client.dataset(options.dataset)
    for split in options.split or dataset.splits:
        images, labels = _read(client, options, split)
        images = images.reshape(-1, *dataset.shape)
        if options.format == "npz":
            paths = [options.folder / f"{options.dataset}-{split}.npz"]
            np.savez(paths[0], images=images, labels=labels)
        else:
            paths = [options.folder / f"{options.dataset}-{split}-{name}-ubyte" for name in
                     ("images-idx3", "labels-idx1")]
            _write_idx(paths[0], images)
            _write_idx(paths[1], labels.astype(np.uint8))
        print(*paths, sep="\n")
    return 0


def _read(client: Client, options: argparse.Namespace, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    batches = Batches(client, options.dataset, split, batch_size=1000, normalization=options.normalization,
                      layout="flat", rank=0, world_size=1)
    parts = []
    with ProgressBar() as progress:
        for batch in batches:
            parts.append(batch)
            progress.update(split, len(parts), len(batches))
    return np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts])


def _write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """IDX: two zeros, the type (8 for u8), the number of dimensions, each as u32 big-endian, and the data."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + np.ascontiguousarray(array).tobytes())
