"""Errors that the client raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HINTS = {
    401: "give an API key as Client(token=…) or in MNIST_BATCHES_TOKEN",
}


class BatchServerError(Exception):
    """The server rejected a request, or it could not be reached until the deadline.

    Attributes:
        status: HTTP status, None if there was no response.
        code: the stable code of the problem, such as ``invalid_parameter``.
        detail: what is wrong, in the server's words.
        allowed: parameter -> its allowed values, for each invalid parameter.
        reason: the shortest form, for a log line.
    """

    def __init__(self, detail: str, *, status: int | None = None, code: str = "unreachable",
                 allowed: Mapping[str, str] | None = None, reason: str | None = None) -> None:
        self.status, self.code, self.detail, self.allowed = status, code, detail, dict(allowed or {})
        self.reason = reason or (detail if status is None else f"{status} {code}")
        super().__init__(detail if status is None else f"{detail} ({status} {code})")

    @classmethod
    def from_problem(cls, status: int, problem: Mapping[str, Any]) -> BatchServerError:
        """From a problem document (RFC 9457)."""
        errors = problem.get("errors") or []
        allowed = {error["parameter"]: error["allowed"] for error in errors if "parameter" in error}
        detail = str(problem.get("detail") or problem.get("title") or "no details")
        if status in _HINTS:
            detail = f"{detail}; {_HINTS[status]}"
        return cls(detail, status=status, code=str(problem.get("code", "unknown")), allowed=allowed)

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors of DataLoader workers are pickled.
        return _restore, (type(self), self.detail, self.status, self.code, self.allowed, self.reason)


def _restore(kind: type[BatchServerError], detail: str, status: int | None, code: str, allowed: dict[str, str],
             reason: str) -> BatchServerError:
    return kind(detail, status=status, code=code, allowed=allowed, reason=reason)


class StateError(ValueError):
    """A state does not fit the batches that it is loaded into."""
