"""Progress on the standard error stream: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType

_WIDTH = 30


class ProgressBar:
    """A line that is redrawn in place, and erased at the end."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._drawn = False

    def update(self, text: str, done: float, total: float) -> None:
        if not self._visible:
            return
        share = min(1.0, done / total) if total > 0 else 0.0
        filled = round(share * _WIDTH)
        sys.stderr.write(f"\r\033[K{text} [{'#' * filled}{'.' * (_WIDTH - filled)}] {share:4.0%}")
        sys.stderr.flush()
        self._drawn = True

    def close(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._drawn = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
                 /) -> None:
        self.close()
