"""One keep-alive HTTP connection, whose requests another thread can abort."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
import zlib
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .address import Address, Proxy, find_proxy
from .failures import NETWORK_ERRORS, FinalError

# Connections of the parent in a forked process. Closing or collecting one could wait forever for a lock that a thread
# of the parent held.
_of_parent: list[HTTPConnection] = []


class Aborted(Exception):
    """The session was aborted; nothing waits for its response."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    """Names are in lower case."""
    body: NDArray[np.uint8]
    wire_bytes: int = 0
    """Length of the body as transferred."""
    transfer_seconds: float = 0.0
    """From the first byte of the body to the last."""


class Session:
    """Used by one thread at a time; only `abort` may be called by others.

    Args:
        timeout: seconds to connect, and seconds without a byte of the response.
    """

    def __init__(self, timeout: tuple[float, float]) -> None:
        self._connect_timeout, self._read_timeout = timeout
        self._connection: HTTPConnection | None = None
        self._server: Address | None = None
        self._proxy: Proxy | None = None
        self._socket: socket.socket | None = None
        self._aborted = threading.Event()
        self._process = os.getpid()

    def exchange(self, server: Address, method: str, target: str, headers: dict[str, str],
                 body: bytes | None = None) -> Response:
        """Sends one request, and reads the whole response.

        Raises:
            Aborted, or one of NETWORK_ERRORS; the connection is closed then.
        """
        is_reused = self._connection is not None and self._server == server
        try:
            try:
                response = self._request(server, method, target, headers, body)
            except ConnectionError:
                # The server has closed an idle connection; nothing is wrong with a new one.
                if not is_reused or self.aborted:
                    raise
                self.close()
                response = self._request(server, method, target, headers, body)
            received, seconds = _read_body(response)
        except BaseException as error:
            self.close()
            if self._aborted.is_set() and isinstance(error, NETWORK_ERRORS):
                raise Aborted from None
            raise
        if response.will_close:
            self.close()
        fields = {name.lower(): value for name, value in response.headers.items()}
        content = _decode(received, fields.get("content-encoding", "identity"))
        return Response(response.status, fields, content, received.nbytes, seconds)

    def sleep(self, seconds: float) -> None:
        if self._aborted.wait(seconds):
            raise Aborted

    def abort(self) -> None:
        """Makes the current and all later requests fail at once."""
        self._aborted.set()
        opened = self._socket
        # A forked process shares the connection, which its parent still uses.
        if opened is not None and os.getpid() == self._process:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    @property
    def aborted(self) -> bool:
        return self._aborted.is_set()

    def close(self) -> None:
        connection, self._connection, self._socket = self._connection, None, None
        if connection is None:
            return
        if os.getpid() == self._process:
            connection.close()
        else:
            _of_parent.append(connection)

    def __del__(self) -> None:
        self.close()

    def _request(self, server: Address, method: str, target: str, headers: dict[str, str],
                 body: bytes | None) -> HTTPResponse:
        connection = self._connect(server)
        path = server.path + target
        if self._proxy is not None and server.scheme == "http":
            # A proxy gets the whole address (RFC 9112, section 3.2.2).
            path = f"{Address(*server.origin)}{path}"
            if self._proxy.authorization is not None:
                headers = {**headers, "Proxy-Authorization": self._proxy.authorization}
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def _connect(self, server: Address) -> HTTPConnection:
        if self.aborted:
            raise Aborted
        if self._connection is not None and self._server == server:
            return self._connection
        self.close()
        self._proxy = find_proxy(server)
        # The name of the server is needed for its certificate, the host of the proxy to connect to.
        first = (self._proxy.host, self._proxy.port) if self._proxy else (server.host, server.port)
        connection: _HttpConnection
        if server.scheme == "https":
            connection = _HttpsConnection(*first, context=ssl.create_default_context())
            if self._proxy is not None:
                authorization = self._proxy.authorization
                connection.set_tunnel(server.host, server.port,
                                      {} if authorization is None else {"Proxy-Authorization": authorization})
        else:
            connection = _HttpConnection(*first)
        connection.dial = self._dial
        self._connection, self._server = connection, server
        connection.connect()
        connection.sock.settimeout(self._read_timeout)
        return connection

    def _dial(self, host: str, port: int) -> socket.socket:
        """Connects a socket that `abort` can shut down while it connects."""
        failure: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            opened = self._socket = socket.socket(family, kind, protocol)
            try:
                if self.aborted:
                    raise Aborted
                opened.settimeout(self._connect_timeout)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                opened.connect(address)
                return opened
            except OSError as error:
                failure = error
                opened.close()
            except BaseException:
                opened.close()
                raise
        raise failure or OSError(f"{host} has no address")


class _HttpConnection(HTTPConnection):
    dial: Any
    _tunnel_host: str | None

    def connect(self) -> None:
        self.sock = self.dial(self.host, self.port)
        if self._tunnel_host is not None:
            try:
                self._tunnel()  # type: ignore[attr-defined]
            except OSError as error:
                raise _tunnel_error(error) from None


class _HttpsConnection(HTTPSConnection, _HttpConnection):
    """HTTPSConnection wraps the socket that the next class in line connects."""


def _tunnel_error(error: OSError) -> OSError:
    """http.client has the status of a refused tunnel in its message only."""
    text = str(error)
    is_final = text.startswith("Tunnel connection failed: 4") and not text.startswith("Tunnel connection failed: 429")
    return FinalError(f"the proxy of the environment refuses: {text}") if is_final else error


def _read_body(response: HTTPResponse) -> tuple[NDArray[np.uint8], float]:
    """The body in memory of its own, so that tensors can be views of it."""
    started = time.perf_counter()
    if response.length is None:
        body = np.frombuffer(bytearray(response.read()), np.uint8)
    else:
        body = np.empty(response.length, np.uint8)
        rest = body.data
        while rest.nbytes > 0:
            count = response.readinto(rest)
            if count == 0:
                raise ConnectionError(f"the response ended {rest.nbytes} bytes too early")
            rest = rest[count:]
        response.close()
    return body, time.perf_counter() - started


def _decode(body: NDArray[np.uint8], coding: str) -> NDArray[np.uint8]:
    if coding == "identity":
        return body
    if coding != "gzip":
        raise HTTPException(f"unexpected content coding {coding}")
    decompressor = zlib.decompressobj(31)
    content = decompressor.decompress(body.data)
    if not decompressor.eof:
        raise HTTPException("the compressed body is incomplete")
    # Writable, as tensors that are views of it are expected to be.
    return np.frombuffer(bytearray(content), np.uint8)
