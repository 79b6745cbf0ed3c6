"""Failures of the network: in which words to report them, and whether they are final."""

from __future__ import annotations

import socket
import ssl
import zlib
from http.client import HTTPException, IncompleteRead, InvalidURL

NETWORK_ERRORS = (OSError, HTTPException, zlib.error)

HINT = "Is the server running? Start it with: npm start"


class FinalError(OSError):
    """A failure that every attempt would have; its message says what to do."""


def describe_failure(error: BaseException) -> str:
    """A short reason, without addresses or credentials."""
    if isinstance(error, FinalError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (f"its certificate is not trusted: {error.verify_message}. "
                "SSL_CERT_FILE may name a file with the certificate of its authority")
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "TLS failed").replace("_", " ").lower()
        return f"TLS: {reason}. Does the server speak https, or should the address begin with http://?"
    if isinstance(error, TimeoutError):
        return "no response in time"
    if isinstance(error, socket.gaierror):
        return f"its name cannot be resolved: {error.strerror}"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    if isinstance(error, IncompleteRead):
        return "the response ended too early"
    return str(error) or type(error).__name__


def is_final(error: BaseException) -> bool:
    """Whether no other attempt can succeed."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLWantReadError | ssl.SSLSyscallError):
        return False
    return isinstance(error, FinalError | InvalidURL | ssl.SSLError)
