"""The proxy between a sender and its box, by the environment's `HTTPS_PROXY` and `NO_PROXY`, as other programs take it.

The connection through it (CONNECT) is the same TLS with the same pinned CA: a proxy sees whom we talk to, never what.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Proxy(NamedTuple):
    """Where a proxy is, and the headers that its CONNECT gets."""

    host: str
    port: int
    headers: Mapping[str, str]


def proxy_for(host: str, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a host, None for a direct way; raises ValueError when the variable is no address."""
    text = environment.get("HTTPS_PROXY") or environment.get("https_proxy") or ""
    if not text or _left_out(host, environment.get("NO_PROXY") or environment.get("no_proxy") or ""):
        return None
    place = urlsplit(text if "://" in text else f"http://{text}")
    if place.scheme != "http" or not place.hostname:
        raise ValueError("HTTPS_PROXY is not an address like http://proxy:3128")
    headers = {}
    if place.username is not None:
        account = f"{unquote(place.username)}:{unquote(place.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + b64encode(account.encode()).decode("ascii")
    return Proxy(place.hostname, place.port or 3128, headers)


def _left_out(host: str, listed: str) -> bool:
    names = [name.strip().lower() for name in listed.split(",") if name.strip()]
    return any(name == "*" or _covers(name, host.lower()) for name in names)


def _covers(name: str, host: str) -> bool:
    """Tell whether an entry is this host, a domain that it is in, or a network that its address is in."""
    if host == name or host.endswith("." + name.removeprefix(".")):
        return True
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 (a quarter of a megabyte, for a list of exceptions)

    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        return False
