"""Redirects, proxies, certificates, idle connections, and forks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from servers import BreakingProxy, RealServer, ScriptedServer, TunnelProxy

from mnist_batches import Batches, BatchServerError, Client

READY = {"datasets": [{"name": "mnist"}]}


def ok(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(READY).encode()


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of data.example, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", path, "-out",
                    path.with_suffix(".crt"), "-subj", "/CN=data.example", "-addext",
                    "subjectAltName=DNS:data.example,IP:127.0.0.1"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_follows_redirects(status: int) -> None:
    with ScriptedServer(ok) as server:
        def redirect(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
            return status, {"Location": f"{server.url}/below{path}"}, b""

        with ScriptedServer(redirect) as old:
            client = Client(old.url)
            for _ in range(2):
                client.request("GET", "/v1/datasets?x=1")
    assert [path for path, _ in server.requests] == ["/below/v1/datasets?x=1"] * 2
    assert len(old.requests) == (1 if status in (301, 308) else 2), "permanent moves are remembered"


def test_a_redirect_to_another_origin_does_not_get_the_key() -> None:
    with ScriptedServer(ok) as other, \
            ScriptedServer(lambda path, headers: (308, {"Location": other.url + path}, b"")) as old:
        Client(old.url, token="secret").datasets()
    assert old.requests[0][1]["authorization"] == "Bearer secret"
    assert "authorization" not in other.requests[0][1]


@pytest.mark.parametrize("location", ["/v1/datasets", "http://user:secret@host:99999/", "ftp://host/"])
def test_redirects_that_lead_nowhere_are_final(location: str) -> None:
    with ScriptedServer(lambda path, headers: (302, {"Location": location}, b"")) as server:
        with pytest.raises(BatchServerError, match="redirect") as caught:
            Client(server.url).datasets()
        assert len(server.requests) <= 6
    assert "secret" not in str(caught.value)


def test_a_proxy_gets_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(ok) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:pass@"))
        Client("http://data.example:81/prefix").datasets()
    path, headers = proxy.requests[0]
    assert path == "http://data.example:81/prefix/v1/datasets"
    assert headers["host"] == "data.example:81"
    assert headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


def test_https_goes_through_a_tunnel(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    with ScriptedServer(ok, certificate) as server, TunnelProxy(server.port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//user:pass@"))
        client = Client("https://data.example:8443", token="key")
        assert client.datasets() == READY["datasets"]
    assert proxy.requests[0].startswith("CONNECT data.example:8443 ")
    assert "Proxy-Authorization: Basic dXNlcjpwYXNz" in proxy.requests[0]
    assert "Bearer" not in proxy.requests[0]
    assert server.requests[0][1]["authorization"] == "Bearer key"


def test_a_tunnel_that_is_refused_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    with TunnelProxy(0, "403 Forbidden") as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(BatchServerError, match=r"the proxy of the environment refuses.*403"):
            Client("https://data.example").datasets()
        assert len(proxy.requests) == 1


def test_an_untrusted_certificate_is_final_and_says_what_to_do(certificate: Path) -> None:
    with ScriptedServer(ok, certificate) as server, pytest.raises(BatchServerError, match="SSL_CERT_FILE"):
        Client(server.url).datasets()


def test_https_to_a_server_of_http_is_final(server: RealServer) -> None:
    with pytest.raises(BatchServerError, match="begin with http://"):
        Client(f"https://127.0.0.1:{server.port}").datasets()


def test_a_server_may_close_idle_connections(caplog: pytest.LogCaptureFixture) -> None:
    """As servers do after each keep-alive timeout: the request is sent again at once, and nobody needs to know."""
    body = json.dumps(READY).encode()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = threading.Event()

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                closed.set()

        thread = threading.Thread(target=serve)
        thread.start()
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", give_up_after=0)
        client.request("GET", "/v1/datasets")
        assert closed.wait(10)
        client.request("GET", "/v1/datasets")
        thread.join()
    assert client.retried == 0
    assert caplog.records == []


FORK = """
import os, sys
from mnist_batches import Batches, Client

client = Client(sys.argv[1])
iterator = iter(Batches(client, batch_size=128, seed=1))
for _ in range(10):
    next(iterator), next(iterator), next(iterator)
    child = os.fork()
    if child == 0:
        iterator.close()
        assert client.datasets()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
assert client.retried == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_leaves_the_connections_of_its_parent_alone(server: RealServer) -> None:
    subprocess.run([sys.executable, "-c", FORK, server.url], check=True, timeout=120)


OPEN_AT_EXIT = """
import sys
from mnist_batches import Batches, Client

iterator = iter(Batches(Client(sys.argv[1]), batch_size=128))
next(iterator)
"""


def test_an_iterator_that_is_open_at_exit_makes_no_noise(server: RealServer) -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-X", "dev", "-W", "ignore", "-c", OPEN_AT_EXIT, server.url],
                              capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_starts_offline_from_a_full_cache(server: RealServer, tmp_path: Path,
                                          caplog: pytest.LogCaptureFixture) -> None:
    with BreakingProxy(server.port, breaks=0, after=0) as proxy:
        url = proxy.url
        expected = [batch.images.tobytes() for batch in Batches(Client(url, cache=tmp_path), split="test", seed=6)]
    client = Client(url, cache=tmp_path)
    assert [batch.images.tobytes() for batch in Batches(client, split="test", seed=6)] == expected
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"{url} cannot be reached (Connection refused); using what the cache has of it."]
