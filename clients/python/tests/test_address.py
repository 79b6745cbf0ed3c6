from __future__ import annotations

import pytest

from mnist_batches import Client
from mnist_batches.address import Address, find_proxy, parse_address, resolve_redirect


@pytest.mark.parametrize(("url", "shown"), [
    ("http://host:8080", "http://host:8080"),
    (" https://host/prefix/ ", "https://host/prefix"),
    ("http://[::1]:80", "http://[::1]"),
    ("http://bücher.example:81", "http://xn--bcher-kva.example:81"),
])
def test_addresses(url: str, shown: str) -> None:
    assert str(parse_address(url)) == shown
    assert Client(url).urls == [shown]


@pytest.mark.parametrize(("url", "message"), [
    ("localhost:8080", "http://host:8080, got 'localhost:8080'"),
    ("ftp://host", "http://host:8080"),
    ("http://", "http://host:8080"),
    ("http://host:99999", "[Pp]ort"),
    ("http://host:0", "not an address"),
    ("http://host:port", "[Pp]ort"),
    ("http://ho st:80", "not an address"),
    ("http://host/?token=1", "query"),
    ("http://[::1", "http://host:8080"),
])
def test_what_is_no_address_is_rejected_before_any_request(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Client(url)


@pytest.mark.parametrize("url", ["http://alice:hunter2@host:80", "alice:hunter2@host", "http://alice:hunter2@host:99999"])
def test_messages_never_show_credentials(url: str) -> None:
    with pytest.raises(ValueError, match="host") as caught:
        Client(url)
    assert "hunter2" not in str(caught.value)
    assert "alice" not in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "schlüssel", "\x00"])
def test_keys_that_no_header_can_have_are_rejected_unseen(token: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        Client("http://host", token=token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(("location", "server", "target"), [
    ("https://other/data/v1/datasets?x=1", "https://other/data", "/v1/datasets?x=1"),
    ("/moved/v1/datasets?x=1", "http://host/moved", "/v1/datasets?x=1"),
    ("http://host:8081/elsewhere", "http://host:8081", "/elsewhere"),
])
def test_redirects(location: str, server: str, target: str) -> None:
    found = resolve_redirect(Address("http", "host", 80), "/v1/datasets?x=1", location)
    assert (str(found[0]), found[1]) == (server, target)


def test_no_redirect_gives_up_encryption() -> None:
    with pytest.raises(ValueError, match="https to http"):
        resolve_redirect(Address("https", "host", 443), "/v1/datasets", "http://host/v1/datasets")


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = Address("http", "data.example", 8080)
    assert find_proxy(server) is None
    monkeypatch.setenv("http_proxy", "http://user:p%40ss@proxy:3128")
    proxy = find_proxy(server)
    assert proxy is not None
    assert (proxy.host, proxy.port, proxy.authorization) == ("proxy", 3128, "Basic dXNlcjpwQHNz")
    assert find_proxy(Address("https", "data.example", 443)) is None
    for local in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert find_proxy(Address("http", local, 8080)) is None
    monkeypatch.setenv("no_proxy", "example")
    assert find_proxy(server) is None
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", "socks5://user:secret@proxy:1080")
    with pytest.raises(ValueError, match=r"http://host:3128") as caught:
        find_proxy(server)
    assert "secret" not in str(caught.value)
