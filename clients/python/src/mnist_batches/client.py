"""The datasets of a server: descriptions, single samples, labels and the mean image."""

from __future__ import annotations

import json
import math
import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import numpy as np
from numpy.typing import NDArray

from .address import parse_address
from .batch import Batch
from .cache import DiskCache
from .options import SAMPLE_DEFAULTS
from .retry import RetryPolicy
from .safetensors import read_tensors
from .session import Response, Session
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import GatherOptions, SampleOptions

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Dataset:
    """What a server says about a dataset."""

    name: str
    version: str
    title: str
    shape: tuple[int, ...]
    """(rows, columns), or (3, rows, columns) of colour images."""
    classes: tuple[str, ...]
    splits: dict[str, int]
    """Split -> number of samples."""
    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]
    """Of the training split's pixels, on a scale from 0 to 1; of colour images, one of each channel."""
    description: dict[str, Any] = field(repr=False, compare=False)
    """The whole response."""

    def total(self, split: str) -> int:
        """Samples in a split.

        Raises:
            ValueError: there is no such split.
        """
        if split not in self.splits:
            raise ValueError(f"there is no split {split!r}; there are: {', '.join(self.splits)}")
        return self.splits[split]


class Client:
    """A server's datasets. May be shared by threads, and copied to other processes.

    Args:
        url: address, or several of equivalent servers; default MNIST_BATCHES_URL, else http://127.0.0.1:8080.
            Several are separated by commas in the variable. A request that fails at one is sent to the next.
        token: an API key; default MNIST_BATCHES_TOKEN.
        give_up_after: seconds for which a request is repeated while the server is away; 0 for a single attempt.
        timeout: seconds to connect, and seconds without a byte of the response; one number is used for both.
        cache: folder for an HTTP cache on disk.

    Raises:
        ValueError: an address, the token or a number is invalid.
    """

    def __init__(self, url: str | Sequence[str] | None = None, *, token: str | None = None,
                 give_up_after: float = 300, timeout: float | tuple[float, float] = (3, 20),
                 cache: str | os.PathLike[str] | None = None) -> None:
        url = url or os.environ.get("MNIST_BATCHES_URL") or DEFAULT_URL
        urls = url.split(",") if isinstance(url, str) else url
        servers = [parse_address(each.strip() if isinstance(each, str) else each) for each in urls]
        token = _check_token(token or os.environ.get("MNIST_BATCHES_TOKEN"))
        self._transport = Transport(servers, token, RetryPolicy(give_up_after), _check_timeout(timeout),
                                    None if cache is None else DiskCache(cache))

    def __repr__(self) -> str:
        return f"Client({', '.join(map(repr, self.urls))})"

    @property
    def urls(self) -> list[str]:
        return [str(server) for server in self._transport.servers]

    @property
    def has_cache(self) -> bool:
        return self._transport.cache is not None

    @property
    def retried(self) -> int:
        """Requests that were sent again, by all users of this client."""
        return self._transport.retried

    def datasets(self) -> list[dict[str, Any]]:
        """Name, status and version of each dataset."""
        return list(self._catalogue["datasets"])

    @property
    def max_batch_size(self) -> int:
        """The most samples in one response."""
        return int(self._catalogue["limits"]["max_batch_size"])

    def dataset(self, name: str, version: str | None = None) -> Dataset:
        """Waits until the dataset is prepared.

        Args:
            version: that the server must have.
        """
        body = self._json(f"/v1/datasets/{quote(name)}", {"version": version})
        standard = body["preparation"]["standard"]
        mean, std = (tuple(value) if isinstance(value, list) else value
                     for value in (standard["mean"], standard["std"]))
        return Dataset(body["dataset"], body["version"], body["title"], tuple(body["shape"]), tuple(body["classes"]),
                       body["splits"], mean, std, body)

    def mean(self, dataset: str, version: str | None = None) -> NDArray[np.float32]:
        """The mean image of the training split, on a scale from 0 to 1: float32 of the shape of an image."""
        return self._array(f"/v1/datasets/{quote(dataset)}/mean", version)

    def labels(self, dataset: str, split: str, version: str | None = None) -> NDArray[np.int64]:
        """All class numbers of a split, int64 (N,), in the order of its ids."""
        path = f"/v1/datasets/{quote(dataset)}/splits/{quote(split)}/labels"
        return self._array(path, version).astype(np.int64)

    def split(self, dataset: str, split: str) -> dict[str, Any]:
        """Class counts and pixel statistics."""
        return self._json(f"/v1/datasets/{quote(dataset)}/splits/{quote(split)}", {})

    def sample(self, dataset: str, split: str, id: int, **options: Unpack[SampleOptions]) -> tuple[NDArray[Any], int]:
        """Image and class number of one sample; `options` as for `gather`."""
        batch = self.gather(dataset, split, [id], **options, labels="index")
        return batch.images[0], int(batch.labels[0])

    def gather(self, dataset: str, split: str, ids: Sequence[int] | NDArray[np.integer[Any]],
               **options: Unpack[GatherOptions]) -> Batch:
        """The samples with these ids, in this order. More than a response may have are fetched in several requests.

        Args:
            ids: integers, positions in the split.
            options: normalization, dtype, labels, layout, augment, seed, epoch, pad or version, with the defaults of
                `Batches`.

        Raises:
            TypeError: an id is not an integer, such as those of a boolean mask.
        """
        numbers = _check_ids(ids)
        target = _target(f"/v1/datasets/{quote(dataset)}/splits/{quote(split)}/gather",
                         {**SAMPLE_DEFAULTS, **options, "format": "safetensors"})
        chunks = [self._gather(target, chunk) for chunk in _chunks(numbers, self.max_batch_size)]
        return chunks[0] if len(chunks) == 1 else Batch(
            *(np.concatenate(arrays) for arrays in zip(*(chunk[:3] for chunk in chunks), strict=True)))

    def request(self, method: str, target: str, body: bytes | None = None, *, session: Session | None = None,
                compress: bool = False) -> Response:
        """Sends a request until it succeeds, see `Transport.request`."""
        return self._transport.request(method, target, body, session=session, compress=compress)

    def open_session(self) -> Session:
        """A connection of its own for a thread."""
        return self._transport.open_session()

    def _gather(self, target: str, ids: list[int]) -> Batch:
        tensors, _ = read_tensors(self.request("POST", target, json.dumps({"ids": ids}).encode()).body)
        return Batch(**tensors).compact()

    @cached_property
    def _catalogue(self) -> dict[str, Any]:
        """The list of datasets, which must not be stored as a response; with a cache, the last one serves offline."""
        cache, name = self._transport.cache, f"catalogue of {self.urls[0]}"
        remembered = cache.recall(name) if cache else None
        fallback = None if remembered is None else \
            Response(200, {}, np.frombuffer(json.dumps(remembered).encode(), np.uint8))
        response = self._transport.request("GET", "/v1/datasets", fallback=fallback)
        catalogue: dict[str, Any] = json.loads(response.body.tobytes())
        if cache and response is not fallback:
            cache.remember(name, catalogue)
        return catalogue

    def _array(self, path: str, version: str | None) -> NDArray[Any]:
        target = _target(path, {"format": "npy", "version": version})
        array: NDArray[Any] = np.load(BytesIO(self.request("GET", target).body.tobytes()))
        return array

    def _json(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.request("GET", _target(path, query)).body.tobytes())
        return body


def as_client(client: Client | str) -> Client:
    """A client, or one of the server with this address."""
    if isinstance(client, Client):
        return client
    if isinstance(client, str):
        return Client(client)
    raise TypeError(f"the first argument must be a Client or the address of a server, got a {type(client).__name__}")


def _target(path: str, query: Mapping[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _check_token(token: str | None) -> str | None:
    """A key without the white space around it, which files often end with. Messages never show a key."""
    if token is None:
        return None
    token = token.strip()
    if not token or not all(33 <= ord(char) <= 126 for char in token):
        raise ValueError("the token must consist of visible ASCII characters, without spaces or newlines in between")
    return token


def _check_timeout(timeout: float | tuple[float, float]) -> tuple[float, float]:
    both = timeout if isinstance(timeout, tuple | list) else (timeout, timeout)
    if len(both) != 2 or not all(isinstance(each, int | float) and 0 < each < math.inf for each in both):
        raise ValueError(f"timeout must be a positive number of seconds, or two: (connect, read), got {timeout!r}")
    return float(both[0]), float(both[1])


def _check_ids(ids: Sequence[int] | NDArray[np.integer[Any]]) -> list[int]:
    numbers = []
    for id in ids:
        if isinstance(id, bool | np.bool_):
            raise TypeError("ids must be integers, got booleans; np.flatnonzero(mask) has the ids of a mask")
        try:
            numbers.append(operator.index(id))
        except TypeError:
            raise TypeError(f"ids must be integers, got {id!r}") from None
    return numbers


def _chunks(ids: list[int], size: int) -> Iterator[list[int]]:
    # An empty list is the server's to reject.
    for start in range(0, max(1, len(ids)), size):
        yield ids[start:start + size]
