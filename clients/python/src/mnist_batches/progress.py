"""Progress on the standard error stream: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType

_WIDTH = 30


class ProgressBar:
    """A line that is redrawn in place, and erased at the end."""

    def __init__(self) -> None:
        self._stream = sys.stderr if _is_terminal(sys.stderr) else None
        self._drawn = False

    def update(self, text: str, done: float, total: float) -> None:
        if self._stream is None:
            return
        share = min(1.0, done / total) if total > 0 else 0.0
        filled = round(share * _WIDTH)
        self._write(f"\r\033[K{text} [{'#' * filled}{'.' * (_WIDTH - filled)}] {share:4.0%}")
        self._drawn = True

    def close(self) -> None:
        if self._drawn:
            self._write("\r\033[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        assert self._stream is not None
        self._stream.write(text)
        self._stream.flush()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
                 /) -> None:
        self.close()


def _is_terminal(stream: object) -> bool:
    """Services have no stderr, and some programs replace it by an object that can only write."""
    isatty = getattr(stream, "isatty", None)
    return bool(callable(isatty) and isatty())
