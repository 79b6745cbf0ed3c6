"""Addresses of servers, and the proxies on the way to them."""

from __future__ import annotations

import base64
import ipaddress
import urllib.request
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

_EXAMPLE = "an address looks like http://host:8080"


@dataclass(frozen=True)
class Address:
    """Scheme, host and port of a server, and the path below which it serves."""

    scheme: str
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        port = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


@dataclass(frozen=True)
class Proxy:
    host: str
    port: int
    authorization: str | None = None
    """The value of Proxy-Authorization."""


def parse_address(url: str) -> Address:
    """Checks an address completely, so that no request fails because of it.

    Raises:
        ValueError: it is not an address of a server. The message never contains credentials.
    """
    if not isinstance(url, str):
        raise ValueError(f"{_EXAMPLE}, got a {type(url).__name__}")
    try:
        split = urlsplit(url.strip())
        port = split.port
    except ValueError as error:
        raise ValueError(f"{_without_credentials(url)!r}: {error}; {_EXAMPLE}") from None
    shown = _without_credentials(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise ValueError(f"{_EXAMPLE}, got {shown!r}")
    if split.username is not None or split.password is not None:
        raise ValueError(f"{shown!r} has a user or password; give an API key as token=, or in MNIST_BATCHES_TOKEN")
    if split.query or split.fragment:
        raise ValueError(f"{shown!r} has a query or fragment; {_EXAMPLE}")
    if port == 0 or any(char.isspace() or not char.isprintable() for char in split.netloc + split.path):
        raise ValueError(f"{shown!r} is not an address; {_EXAMPLE}")
    try:
        host = split.hostname.encode("idna").decode() if not split.hostname.isascii() else split.hostname
    except UnicodeError:
        raise ValueError(f"{shown!r} has an invalid host name; {_EXAMPLE}") from None
    return Address(split.scheme, host, port or (443 if split.scheme == "https" else 80), split.path.rstrip("/"))


def resolve_redirect(address: Address, target: str, location: str) -> tuple[Address, str]:
    """The server and the target (path and query) that a Location header refers to.

    Raises:
        ValueError: it is no address, or leads from https to http.
    """
    split = urlsplit(urljoin(f"{address}{target}", location))
    found = parse_address(f"{split.scheme}://{split.netloc.rpartition('@')[2]}")
    if address.scheme == "https" and found.scheme == "http":
        raise ValueError("the redirect leads from https to http")
    whole = (split.path or "/") + (f"?{split.query}" if split.query else "")
    # A server that has moved serves the same targets below another path.
    if whole.endswith(target):
        return Address(*found.origin, whole[:-len(target)]), target
    return found, whole


def find_proxy(address: Address) -> Proxy | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY name for an address, unless NO_PROXY excludes it.

    Addresses of this machine are never requested from a proxy.
    """
    if _is_loopback(address.host) or urllib.request.proxy_bypass(f"{address.host}:{address.port}"):
        return None
    proxies = urllib.request.getproxies()
    url = proxies.get(address.scheme) or proxies.get("all")
    if not url:
        return None
    split = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = split.port or 80
    except ValueError:
        port = 0
    if split.scheme != "http" or not split.hostname or port == 0:
        raise ValueError(f"the proxy {_without_credentials(url)!r} in the environment must look like http://host:3128")
    return Proxy(split.hostname, port, _basic_authorization(split))


def _basic_authorization(split: SplitResult) -> str | None:
    if split.username is None:
        return None
    credentials = f"{unquote(split.username)}:{unquote(split.password or '')}"
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _without_credentials(url: str) -> str:
    before, at, after = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme}{separator}…@{after}" if separator else f"…@{after}" if at else url
