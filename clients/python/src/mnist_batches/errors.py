"""Errors that the client raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BatchServerError(Exception):
    """The server rejected a request, or still failed after all retries.

    Attributes:
        status: HTTP status, None if there was no response.
        code: the stable code of the problem, such as ``invalid_parameter``.
        detail: what is wrong, in the server's words.
        allowed: parameter -> its allowed values, for each invalid parameter.
    """

    def __init__(self, detail: str, *, status: int | None = None, code: str = "unreachable",
                 allowed: Mapping[str, str] | None = None) -> None:
        self.status, self.code, self.detail, self.allowed = status, code, detail, dict(allowed or {})
        super().__init__(detail if status is None else f"{detail} ({status} {code})")

    @classmethod
    def from_problem(cls, status: int, problem: Mapping[str, Any]) -> BatchServerError:
        """From a problem document (RFC 9457)."""
        errors = problem.get("errors") or []
        allowed = {error["parameter"]: error["allowed"] for error in errors if "parameter" in error}
        detail = str(problem.get("detail") or problem.get("title") or "no details")
        return cls(detail, status=status, code=str(problem.get("code", "unknown")), allowed=allowed)


class StateError(ValueError):
    """A state does not fit the batches that it is loaded into."""
