"""What an indicator is: a text, also defanged, to a kind and a value; what would match too much is refused."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from appliance.detect.written import escaped
from appliance.indicators.refusals import Refusal

LONGEST = 1000
"""Characters of a value."""
WIDEST = 256
"""Addresses of a network; each becomes a value of the list."""


class Kind(StrEnum):
    """What a value names."""

    DOMAIN = "domain"
    ADDRESS = "address"
    URL = "url"
    """A page: host and path without the scheme."""
    HASH = "hash"
    """MD5, SHA-1 or SHA-256 of a file."""
    SENDER = "sender"
    """An address of mail."""


class Refused(Refusal):
    """A text is no indicator, or one that would match too much."""


@dataclass(frozen=True, slots=True)
class Value:
    """A kind and a value, written as events have it."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Own:
    """What is no indicator at this office: its own domains and those that everybody uses, in lower case."""

    domains: frozenset[str] = frozenset()
    general: frozenset[str] = frozenset()

    def check(self, domain: str) -> None:
        """Raise Refused for a domain of the office, one of everybody, or one that such a domain lies below."""
        parts = domain.split(".")
        if any(".".join(parts[at:]) in self.domains for at in range(len(parts))):
            raise Refused("own")
        if len(parts) < 2:
            raise Refused("suffix")
        if domain in self.general:
            raise Refused("general")
        if any(one.endswith(f".{domain}") for one in self.domains):
            raise Refused("above_own")


_DOT = re.compile(r"\s*(?:\[\s*\.\s*\]|\(\s*\.\s*\)|\{\s*\.\s*\}|\[\s*dot\s*\]|\(\s*dot\s*\)|\\\.)\s*", re.IGNORECASE)
_AT = re.compile(r"\s*(?:\[\s*(?:@|at)\s*\]|\(\s*(?:@|at)\s*\))\s*", re.IGNORECASE)
_SCHEME = re.compile(r"(h(?:xx|tt|\*\*)ps?|fxp|ftp)\s*(?:\[://\]|(?:\[:\]|:)\s*(?:\[//\]|//))", re.IGNORECASE)
_COLON = re.compile(r"\[\s*:\s*\]")
_HEX = re.compile(r"[0-9a-f]+")
_SIZES = (32, 40, 64)
"""Digits of MD5, SHA-1 and SHA-256."""
_UNKNOWN_SIZES = (56, 96, 128)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_SENDER = re.compile(r"[^\s@<>\"',;:\\/\[\]()]{1,64}")
_PORT = re.compile(r"(.+):\d{1,5}")
Network = IPv4Network | IPv6Network


def refanged(text: str) -> str:
    """Return a text without what keeps people from opening it by mistake: `hxxp`, `[.]`, `(at)`."""
    text = text.strip().strip("<>\"'`").strip()
    text = _AT.sub("@", _DOT.sub(".", text))
    scheme = _SCHEME.match(text)
    if scheme is not None:
        name = scheme[1].lower().replace("xx", "tt").replace("**", "tt").replace("fxp", "ftp")
        text = f"{name}://{text[scheme.end() :]}"
    return _COLON.sub(":", text)


def value_of(text: str, own: Own = Own(), hint: Kind | None = None) -> Value:
    """Return the indicator that a text names; with a `hint` it must be of that kind. Raises Refused."""
    clean = refanged(text)
    if not clean or len(clean) > LONGEST or not clean.isprintable():
        raise Refused("unreadable", most=LONGEST)
    found = _read(clean, own)
    if hint is not None and found.kind is not hint and not (hint is Kind.URL and found.kind in _OF_URL):
        raise Refused("other_kind", wanted=hint, found=found.kind)
    return found


def written(text: str) -> str:
    """Return a value as it is kept; what is none stands as it is told, in lower case."""
    try:
        return value_of(text).text
    except Refused:
        return text.strip().lower()


_OF_URL = {Kind.DOMAIN, Kind.ADDRESS}
"""What the address of a page without a path comes down to."""


def _read(text: str, own: Own) -> Value:
    if "://" in text or ("/" in text and _network(text) is None):
        return _url(text if "://" in text else f"http://{text}", own)
    if "@" in text:
        return _sender(text, own)
    if _HEX.fullmatch(text.lower()) and len(text) in {*_SIZES, *_UNKNOWN_SIZES}:
        return _hash(text.lower())
    host = without_port(text)
    if "/" in text or _address(host) is not None:
        return Value(Kind.ADDRESS, addresses(host))
    return Value(Kind.DOMAIN, _domain(host, own))


def _hash(text: str) -> Value:
    if len(text) not in _SIZES:
        raise Refused("hash_size", size=len(text))
    if len(set(text)) == 1:
        raise Refused("hash_of_none")
    if text in _EMPTY:
        raise Refused("hash_of_nothing")
    return Value(Kind.HASH, text)


_EMPTY = {
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return found.ipv4_mapped if isinstance(found, IPv6Address) and found.ipv4_mapped is not None else found


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def addresses(text: str) -> str:
    """Return an address or a small network in its usual form. Raises Refused for one that is not of the internet."""
    single = _address(text)
    network = _network(str(single) if single is not None else text)
    if network is None:
        raise Refused("no_network")
    if network.num_addresses > WIDEST:
        raise Refused("wide", most=WIDEST)
    if not (network[0].is_global and network[-1].is_global) or network.is_multicast:
        raise Refused("private")
    return str(network[0]) if network.num_addresses == 1 else str(network)


def without_port(text: str) -> str:
    """Return a host without the port that follows it."""
    found = _PORT.fullmatch(text)
    return text if found is None or _address(text) is not None else found[1]


def _domain(text: str, own: Own) -> str:
    try:
        name = text.strip().rstrip(".").lstrip("*.").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise Refused("no_domain") from error
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise Refused("nothing")
    own.check(name)
    return name


def _sender(text: str, own: Own) -> Value:
    local, _, domain = text.rpartition("@")
    if not local:
        return Value(Kind.DOMAIN, _domain(domain, own))
    if not _SENDER.fullmatch(local):
        raise Refused("no_mail")
    # Who everybody's mail is from may be one bad sender all the same; the office's own people are not.
    name = _domain(domain, Own(own.domains))
    return Value(Kind.SENDER, f"{local.lower()}@{name}")


def _url(text: str, own: Own) -> Value:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Refused("no_page") from error
    if parts.scheme not in {"http", "https", "ftp"} or not host:
        raise Refused("no_scheme")
    rest = _rest(parts)
    if not rest:
        found = _address(host)
        return Value(Kind.ADDRESS, addresses(host)) if found else Value(Kind.DOMAIN, _domain(host, own))
    # A page may be bad where everybody has pages; not where the office has its own.
    name = addresses(host) if _address(host) else _domain(host, Own(own.domains))
    return Value(Kind.URL, f"{name}{'' if port in _USUAL else f':{port}'}{rest}")


_USUAL = (None, 80, 443)


def _rest(parts: SplitResult) -> str:
    """Return path and query as a request has them, "" where they say nothing."""
    path = parts.path or "/"
    if path == "/" and not parts.query:
        return ""
    return f"{path}?{parts.query}" if parts.query else path


def of_lists(values: Collection[Value]) -> dict[str, tuple[str, ...]]:
    """Return the lists that values make, by name: networks as addresses, pages also as host and path.

    Each is written as a rule has a text that stands for itself: an address of a page often has a question mark.
    """
    lists: dict[str, dict[str, None]] = {name: {} for name in (*LISTS.values(), HOSTS, PATHS)}
    for one in values:
        if one.kind is Kind.ADDRESS and "/" in one.text:
            lists[LISTS[one.kind]] |= dict.fromkeys(map(str, ip_network(one.text)))
            continue
        lists[LISTS[one.kind]][one.text] = None
        if one.kind is Kind.URL:
            host, _, path = one.text.partition("/")
            lists[HOSTS] |= dict.fromkeys((host, without_port(host)))
            lists[PATHS][f"/{path}"] = None
    return {name: tuple(map(escaped, found)) for name, found in lists.items()}


LISTS = {
    Kind.DOMAIN: "indicator_domains",
    Kind.ADDRESS: "indicator_addresses",
    Kind.URL: "indicator_urls",
    Kind.HASH: "indicator_hashes",
    Kind.SENDER: "indicator_senders",
}
HOSTS, PATHS = "indicator_url_hosts", "indicator_url_paths"
"""Sensors see host and path of a page apart: both must be of the lists."""
