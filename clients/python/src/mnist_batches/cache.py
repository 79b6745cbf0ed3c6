"""A private HTTP cache on disk (RFC 9111): fresh responses are reused, others are revalidated by their ETag."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from .session import Response


class DiskCache:
    """Shared by threads and processes: entries are written to temporary files and renamed.

    Args:
        max_bytes: beyond it, the least recently used entries are removed.
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int = 2 << 30) -> None:
        self._folder = Path(folder).expanduser()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        self._written = 0

    def find(self, key: str) -> tuple[Response, bool] | None:
        """The stored response, and whether it is fresh."""
        path = self._path(key)
        try:
            content = np.fromfile(path, np.uint8)
            size = int.from_bytes(content[:8].tobytes(), "little")
            stored = json.loads(content[8:8 + size].tobytes())
            body = content[8 + size:]
            if stored["key"] != key or stored["bytes"] != body.nbytes:
                return None
            with contextlib.suppress(OSError):
                os.utime(path)
        except (OSError, ValueError, KeyError):
            return None
        return Response(200, stored["headers"], body), stored["expires"] > time.time()

    def store(self, key: str, response: Response) -> None:
        """Stores a successful response, if its headers allow it. Failures of the disk only cost the entry."""
        lifetime = _freshness(response.headers)
        if response.status != 200 or lifetime is None:
            return
        entry = {"key": key, "headers": response.headers, "expires": time.time() + lifetime,
                 "bytes": response.body.nbytes}
        header = json.dumps(entry).encode()
        # The body stays aligned for views of it.
        header += b" " * (-(8 + len(header)) % 64)
        with contextlib.suppress(OSError):
            self._write(self._path(key), [len(header).to_bytes(8, "little"), header, response.body.data])

    def remember(self, name: str, value: Any) -> None:
        """Stores a JSON value for `recall`; unlike responses, without a lifetime."""
        with contextlib.suppress(OSError):
            self._write(self._path(name).with_suffix(".json"), [json.dumps({"name": name, "value": value}).encode()])

    def recall(self, name: str) -> Any:
        """The value that was remembered, or None."""
        try:
            stored = json.loads(self._path(name).with_suffix(".json").read_bytes())
            return stored["value"] if stored["name"] == name else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, path: Path, chunks: list[Any]) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                self._written += file.tell()
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        # Listing the folder for every entry would cost more than the entry.
        if self._written > self._max_bytes // 16:
            self._written = 0
            self._evict()

    def _evict(self) -> None:
        entries = []
        for path in self._folder.glob("*.http"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        size = sum(size for _, size, _ in entries)
        for _, bytes_, path in sorted(entries):
            if size <= self._max_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            size -= bytes_

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.http"


def _freshness(headers: dict[str, str]) -> float | None:
    """Seconds for which a response may be reused without asking; None if it may not be stored."""
    directives = headers.get("cache-control", "")
    if "no-store" in directives or "etag" not in headers:
        return None
    age = re.search(r"max-age=(\d+)", directives)
    if "no-cache" in directives or age is None:
        return 0.0
    return max(0.0, float(age[1]) - float(headers.get("age", 0)))
