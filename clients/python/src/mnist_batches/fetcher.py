"""Requests for the batches of a shard, and the images of their responses in the requested normalization."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
from numpy.typing import NDArray

from .batch import Batch
from .client import Client, Dataset
from .normalize import Normalizer, Scale, normalizer
from .options import DType, Labels, Layout, Normalization, Wire
from .pages import Shard
from .safetensors import read_tensors
from .session import Session
from .stats import Stats
from .wire import WireChoice


class Fetcher:
    """Fetches batches of a split with everything that does not depend on their position."""

    def __init__(self, client: Client, dataset: str, split: str, *, version: str | None, seed: int | None,
                 normalization: Normalization, dtype: DType | None, labels: Labels, layout: Layout,
                 augment: str | None, pad: int | None, wire: Wire) -> None:
        self.client, self.dataset_name, self.split = client, dataset, split
        self.seed, self.augment = seed, augment
        self.stats = Stats()
        self._version = version
        self._normalization = normalization
        self._dtype = dtype or ("uint8" if normalization == "raw" else "float32")
        self._query = {"labels": labels, "layout": layout, "augment": augment, "pad": pad}
        self._wire = WireChoice(self._possible_wires(wire))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_normalizer"}

    @cached_property
    def dataset(self) -> Dataset:
        """Pins the version, so that all URLs are immutable."""
        return self.client.dataset(self.dataset_name, self._version)

    @property
    def wire(self) -> str:
        return self._wire.best

    def fetch(self, session: Session | None, shard: Shard, epoch: int, index: int, count: int) -> list[Batch]:
        """The batches of request number `index`, each of which has `count` batches of the shard."""
        started = time.perf_counter()
        wire = self._wire.next()
        is_raw = wire == "raw"
        query = {
            **self._query,
            **self._order_query(epoch),
            "normalization": "raw" if is_raw else self._normalization,
            "dtype": "uint8" if is_raw else self._dtype,
            "batch_size": shard.batch_size * count,
            "page": shard.page(index),
            "offset": shard.offset or None,
            "rank": shard.rank if shard.world_size > 1 else None,
            "world_size": shard.world_size if shard.world_size > 1 else None,
            # Several batches are cut from all remaining samples, so `drop` applies to them, not to the request.
            "remainder": "keep" if count > 1 and shard.remainder == "drop" else shard.remainder,
            "version": self.dataset.version,
            "format": "safetensors"
        }
        parameters = urlencode({name: value for name, value in query.items() if value is not None}, safe=":,")
        target = f"/v1/datasets/{quote(self.dataset_name)}/splits/{quote(self.split)}/batches?{parameters}"
        response = self.client.request("GET", target, session=session, compress=is_raw and self._wire.compress)
        tensors, _ = read_tensors(response.body)
        whole = Batch(**tensors).compact()
        size = shard.batch_size
        batches = [whole.rows(i * size, (i + 1) * size) for i in range(min(count, len(shard) - index * count))]
        if is_raw and self._normalization != "raw":
            normalize = self._normalizer
            batches = [batch._replace(images=normalize(batch.images)) for batch in batches]
        self.stats.record_request(response.wire_bytes)
        self._wire.record(wire, time.perf_counter() - started, response.wire_bytes, response.transfer_seconds)
        return batches

    def _order_query(self, epoch: int) -> dict[str, Any]:
        if self.seed is not None:
            return {"seed": self.seed, "epoch": epoch}
        # Augmentation has random numbers of its own, which differ between epochs even in the natural order.
        return {} if self.augment is None else {"epoch": epoch}

    def _possible_wires(self, wire: Wire) -> tuple[str, ...]:
        """Names of wires to choose from; "float32" stands for any dtype of finished values."""
        # Small entries suit a cache, and alternating URLs do not.
        if self._normalization == "raw" or wire == "raw" or (wire == "auto" and self.client.has_cache):
            return ("raw",)
        return ("float32",) if wire == "float32" else ("raw", "float32")

    @cached_property
    def _normalizer(self) -> Normalizer:
        image = None
        if self._normalization == "centered":
            image = self.client.mean(self.dataset_name, self.dataset.version)
            side = self._query["pad"]
            if side is not None:
                margins = [((side - length) // 2, side - length - (side - length) // 2) for length in image.shape[-2:]]
                image = np.pad(image, [(0, 0)] * (image.ndim - 2) + margins)
            image = self._lay_out(image)
        return normalizer(self._normalization, self._dtype, mean=self._scale(self.dataset.mean),
                          std=self._scale(self.dataset.std), mean_image=image)

    def _scale(self, channels: float | tuple[float, ...]) -> Scale:
        if not isinstance(channels, tuple):
            return channels
        side = self._query["pad"]
        rows, columns = self.dataset.shape[-2:] if side is None else (int(side), int(side))
        planes = np.array(channels, np.float32)[:, None, None]
        return self._lay_out(np.broadcast_to(planes, (len(channels), rows, columns)))

    def _lay_out(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """An image (rows, columns) or (channels, rows, columns) in the layout of the batches."""
        image = planes.reshape(-1, *planes.shape[-2:])
        layout = self._query["layout"]
        return image.transpose(1, 2, 0) if layout == "nhwc" else image.reshape(-1) if layout == "flat" else image
