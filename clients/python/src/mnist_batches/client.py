"""Requests to a server, or to several equivalent ones, with retries."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import numpy as np
from numpy.typing import NDArray

from .batch import Batch
from .cache import DiskCache
from .errors import BatchServerError
from .progress import ProgressBar
from .retry import RETRIED, RetryPolicy, parse_retry_after
from .safetensors import read_tensors
from .session import NETWORK_ERRORS, Response, Session

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Dataset:
    """What a server says about a dataset."""

    name: str
    version: str
    title: str
    shape: tuple[int, int]
    classes: tuple[str, ...]
    splits: dict[str, int]
    """Split -> number of samples."""
    mean: float
    std: float
    """Of the training split's pixels, on a scale from 0 to 1."""
    description: dict[str, Any] = field(repr=False, compare=False)
    """The whole response."""


class Client:
    """A server's datasets. May be shared by threads, and copied to other processes.

    Args:
        url: address, or several of equivalent servers; default MNIST_BATCHES_URL, else http://127.0.0.1:8080.
            Several are separated by commas in the variable. A request that fails at one is sent to the next.
        token: an API key; default MNIST_BATCHES_TOKEN.
        retries: how often a request is sent again.
        timeout: seconds to connect, and seconds without a byte of the response.
        cache: folder for an HTTP cache on disk.
    """

    def __init__(self, url: str | Sequence[str] | None = None, *, token: str | None = None, retries: int = 5,
                 timeout: tuple[float, float] = (3, 20), cache: str | os.PathLike[str] | None = None) -> None:
        url = url or os.environ.get("MNIST_BATCHES_URL") or DEFAULT_URL
        urls = url.split(",") if isinstance(url, str) else url
        self._bases = [_parse_base(each.strip()) for each in urls]
        self._token = token or os.environ.get("MNIST_BATCHES_TOKEN")
        self._retry = RetryPolicy(retries)
        self._timeout = timeout
        self._cache = None if cache is None else DiskCache(cache)
        self._current = 0
        self._local = threading.local()
        self.retried = 0
        """Requests that were sent again, by all users of this client."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _local=threading.local())

    @property
    def urls(self) -> list[str]:
        return [base.geturl() for base in self._bases]

    @property
    def has_cache(self) -> bool:
        return self._cache is not None

    def datasets(self) -> list[dict[str, Any]]:
        """Name, status and version of each dataset."""
        return list(self._catalogue["datasets"])

    @property
    def max_batch_size(self) -> int:
        return int(self._catalogue["limits"]["max_batch_size"])

    def dataset(self, name: str, version: str | None = None) -> Dataset:
        """Waits until the dataset is prepared.

        Args:
            version: that the server must have.
        """
        body = self._json(f"/v1/datasets/{quote(name)}", {"version": version})
        standard = body["preparation"]["standard"]
        rows, columns = body["shape"]
        return Dataset(body["dataset"], body["version"], body["title"], (rows, columns), tuple(body["classes"]),
                       body["splits"], standard["mean"], standard["std"], body)

    def mean_image(self, dataset: str, version: str | None = None) -> NDArray[np.float32]:
        """float32 of the shape of an image."""
        target = _target(f"/v1/datasets/{quote(dataset)}/mean", {"format": "npy", "version": version})
        image: NDArray[np.float32] = np.load(BytesIO(self.request("GET", target).body.tobytes()))
        return image

    def split(self, dataset: str, split: str) -> dict[str, Any]:
        """Class counts and pixel statistics."""
        return self._json(f"/v1/datasets/{quote(dataset)}/splits/{quote(split)}", {})

    def sample(self, dataset: str, split: str, id: int, **query: Any) -> tuple[NDArray[Any], int]:
        """Image and class number of one sample; `query` as for `gather`."""
        batch = self.gather(dataset, split, [id], labels="index", **query)
        return batch.images[0], int(batch.labels[0])

    def gather(self, dataset: str, split: str, ids: Sequence[int] | NDArray[np.integer[Any]], **query: Any) -> Batch:
        """The samples with these ids, in this order.

        Args:
            query: normalization, dtype, labels, layout, augment, seed, epoch, pad or version.
        """
        target = _target(f"/v1/datasets/{quote(dataset)}/splits/{quote(split)}/gather",
                         {**query, "format": "safetensors"})
        body = json.dumps({"ids": [int(id) for id in ids]}).encode()
        tensors, _ = read_tensors(self.request("POST", target, body).body)
        return Batch(**tensors)

    def request(self, method: str, target: str, body: bytes | None = None, *, session: Session | None = None,
                compress: bool = False) -> Response:
        """Sends a request until it succeeds.

        Args:
            target: path and query.
            session: of a thread that may be aborted; by default, each thread has one.
            compress: whether the server may compress the body.

        Raises:
            BatchServerError: the server rejects the request, or all retries failed.
        """
        session = session or self._own_session
        headers = {"Accept-Encoding": "gzip" if compress else "identity"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._cache is None or method != "GET":
            return self._send(session, method, target, headers, body)
        key = f"{self._bases[0].geturl()}{target} {headers['Accept-Encoding']}"
        found = self._cache.find(key)
        if found is not None:
            stored, fresh = found
            if fresh:
                return stored
            headers["If-None-Match"] = stored.headers["etag"]
        response = self._send(session, method, target, headers, body)
        if response.status == 304 and found is not None:
            return found[0]
        self._cache.store(key, response)
        return response

    def open_session(self) -> Session:
        """A connection of its own for a thread."""
        return Session(self._timeout)

    def _send(self, session: Session, method: str, target: str, headers: dict[str, str],
              body: bytes | None) -> Response:
        failures = 0
        with ProgressBar() as progress:
            while True:
                current = self._current
                base = self._bases[current % len(self._bases)]
                retry_after = None
                try:
                    response = session.exchange(base, method, target, headers, body)
                except NETWORK_ERRORS as error:
                    failure = BatchServerError(f"{base.geturl()}: {error or type(error).__name__}")
                    failure.__cause__ = error
                else:
                    if response.status in (200, 304):
                        return response
                    problem = _problem(response)
                    failure = BatchServerError.from_problem(response.status, problem)
                    if response.status not in RETRIED:
                        raise failure
                    retry_after = response.headers.get("retry-after")
                    # Preparation takes as long as it takes, and the server reports that it goes on.
                    if failure.code == "dataset_loading":
                        _show(progress, problem)
                        session.sleep(max(0.2, parse_retry_after(retry_after)))
                        continue
                failures += 1
                if failures > self._retry.retries:
                    raise failure
                self.retried += 1
                # The next server is tried at once, unless all have failed in this round.
                self._current = current + 1
                if failures % len(self._bases) == 0:
                    session.sleep(self._retry.delay(failures // len(self._bases), retry_after))

    @property
    def _own_session(self) -> Session:
        """The session of this thread; a forked process must not share its parent's connections."""
        if getattr(self._local, "process", None) != os.getpid():
            self._local.process, self._local.session = os.getpid(), self.open_session()
        session: Session = self._local.session
        return session

    @cached_property
    def _catalogue(self) -> dict[str, Any]:
        return self._json("/v1/datasets", {})

    def _json(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.request("GET", _target(path, query)).body.tobytes())
        return body


def _target(path: str, query: Mapping[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _parse_base(url: str) -> SplitResult:
    base = urlsplit(url)
    if base.scheme not in ("http", "https") or not base.hostname:
        raise ValueError(f"the address of a server must look like http://host:8080, got {url!r}")
    return base


def _problem(response: Response) -> dict[str, Any]:
    """The problem document of a response; proxies send others."""
    try:
        problem = json.loads(response.body.tobytes())
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"detail": f"the server responded with {response.status}"}


def _show(bar: ProgressBar, problem: Mapping[str, Any]) -> None:
    progress = problem.get("progress") or {}
    text = f"{progress.get('stage', 'waiting')} {progress.get('item', '')}".strip()
    bar.update(text, progress.get("done") or 0, progress.get("total") or 0)
