"""Servers for tests: the real one, a scripted one, and a proxy that breaks connections."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "dist" / "server.js"


def why_no_server() -> str | None:
    """The reason why the real server cannot run here."""
    if shutil.which("node") is None:
        return "no node, which runs the server"
    return None if PROGRAM.exists() else "the server is not built: npm ci"


class RealServer:
    """The service on a port of its own, which it keeps over restarts."""

    def __init__(self, data_folder: Path) -> None:
        self._data_folder = data_folder
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> RealServer:
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(self._data_folder), "PORT": str(self.port),
                       "SHUTDOWN_DELAY": "0"}
        self._process = subprocess.Popen(["node", str(PROGRAM)], env=environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)["msg"]
            if message.startswith("listening on "):
                self.port = int(message.rsplit(":", 1)[1])
                break
        # A full pipe would block the server.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class ScriptedServer:
    """Answers each request with what `answer(path, headers)` returns: status, headers and body.

    Args:
        certificate: file with the key and the certificate, for https.
    """

    def __init__(self, answer: Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes]],
                 certificate: Path | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fields = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.path, fields))
                status, headers, body = answer(self.path, fields)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                # A client that does not trust the certificate disconnects.
                with contextlib.suppress(ssl.SSLError):
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
            self.url = self.url.replace("http", "https", 1)

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class BreakingProxy:
    """Forwards connections to a port, and resets each of the first `breaks` after `after` bytes of its responses."""

    def __init__(self, port: int, breaks: int, after: int) -> None:
        self._target = ("127.0.0.1", port)
        self._after = after
        self._left = breaks
        self.broken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> BreakingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        # Wakes the accepting thread.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            limit = self._after if self._left > 0 else None
            self._left -= 1
            threading.Thread(target=self._forward, args=(client, limit), daemon=True).start()

    def _forward(self, client: socket.socket, limit: int | None) -> None:
        received = 0
        with client, socket.create_connection(self._target) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client:
                        server.sendall(data)
                        continue
                    received += len(data)
                    if limit is not None and received > limit:
                        self.broken += 1
                        # Closing with a linger time of 0 sends a reset.
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    client.sendall(data)


class TunnelProxy:
    """A proxy whose tunnels all lead to a port of this machine, or are refused with another status."""

    def __init__(self, port: int, status: str = "200 OK") -> None:
        self._port, self._status = port, status
        self.requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> TunnelProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += client.recv(4096)
            self.requests.append(request.decode())
            client.sendall(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
            if not self._status.startswith("200"):
                return
            with socket.create_connection(("127.0.0.1", self._port)) as server:
                while True:
                    for source in select.select([client, server], [], [])[0]:
                        data = source.recv(65536)
                        if not data:
                            return
                        (server if source is client else client).sendall(data)
