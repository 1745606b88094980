"""Fingerprints of the hellos: JA3 and JA3S (Salesforce), JA4 of the client (FoxIO, BSD-3-Clause).

Browsers repeat themselves: a fingerprint is worked out once for each set of what it is made of.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from collector.protocols.tls.codes import GREASE
from collector.protocols.tls.hello import ALPN, SERVER_NAME, ClientHello, ServerHello

_VERSIONS = {
    0x0002: "s2",
    0x0300: "s3",
    0x0301: "10",
    0x0302: "11",
    0x0303: "12",
    0x0304: "13",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}
#: Fingerprints kept, and the longest lists whose fingerprint is kept.
_CACHED, _LONGEST = 1024, 256

Numbers = tuple[int, ...]
#: What a JA4 is made of: transport, version, cipher suites, extensions, signature algorithms, first protocol.
Traits = tuple[str, int, Numbers, Numbers, Numbers, bytes]


def _sane(values: tuple[int, ...]) -> list[int]:
    return [value for value in values if value not in GREASE]


def _joined(values: list[int]) -> str:
    return "-".join(map(str, values))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def ja3(hello: ClientHello) -> str:
    """Return the JA3 of a client."""
    work = _ja3 if _is_usual(hello) else _ja3.__wrapped__
    return work(hello.version, hello.ciphers, hello.extensions, hello.groups, hello.formats)


def _is_usual(hello: ClientHello) -> bool:
    """Whether a hello is small enough to be worth its place in memory."""
    size = len(hello.ciphers) + len(hello.extensions) + len(hello.signatures) + len(hello.groups)
    return size <= _LONGEST


@lru_cache(_CACHED)
def _ja3(version: int, ciphers: Numbers, extensions: Numbers, groups: Numbers, formats: bytes) -> str:
    lists = (_sane(ciphers), _sane(extensions), _sane(groups), list(formats))
    return _md5(",".join((str(version), *map(_joined, lists))))


def ja3s(hello: ServerHello) -> str:
    """Return the JA3S of a server's answer."""
    return _ja3s(hello.legacy, hello.cipher, hello.extensions)


@lru_cache(_CACHED)
def _ja3s(version: int, cipher: int, extensions: Numbers) -> str:
    return _md5(f"{version},{cipher},{_joined(list(extensions))}")


def ja4(hello: ClientHello, transport: str) -> str:
    """Return the JA4 of a client; transport is `t` for TCP, `q` for QUIC, `d` for DTLS."""
    work = _ja4 if _is_usual(hello) else _ja4.__wrapped__
    return work(_traits(hello, transport))


@lru_cache(_CACHED)
def _ja4(traits: Traits) -> str:
    head, *tails = _parts(traits, ordered=False)
    return "_".join((head, *map(_short, tails)))


def ja4_raw(hello: ClientHello, transport: str, *, ordered: bool = False) -> str:
    """Return JA4_r, what a JA4 is the hash of; `ordered` = JA4_ro, in the client's order and with all extensions."""
    return "_".join(_parts(_traits(hello, transport), ordered=ordered))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12] if text else "0" * 12


def _traits(hello: ClientHello, transport: str) -> Traits:
    first = hello.alpn[0] if hello.alpn else b""
    return transport, hello.newest, hello.ciphers, hello.extensions, hello.signatures, first


def _parts(traits: Traits, *, ordered: bool) -> tuple[str, str, str]:
    """Return counts; cipher suites; extensions and signature algorithms."""
    transport, version, ciphers, extensions, signatures, first = traits
    suites, names = _sane(ciphers), _sane(extensions)
    head = (
        f"{transport}{_VERSIONS.get(version, '00')}{'d' if SERVER_NAME in names else 'i'}"
        f"{min(len(suites), 99):02d}{min(len(names), 99):02d}{_ends(first)}"
    )
    if not ordered:
        suites, names = sorted(suites), sorted(name for name in names if name not in (SERVER_NAME, ALPN))
    tail = ",".join(f"{name:04x}" for name in names)
    if algorithms := _sane(signatures):
        tail += "_" + ",".join(f"{value:04x}" for value in algorithms)
    return head, ",".join(f"{suite:04x}" for suite in suites), tail


def _ends(name: bytes) -> str:
    """First and last character of a protocol.

    FoxIO's description wants those of the hexadecimal form where one is no letter or digit, and its own programs a 9
    for what is not ASCII: their expected strings have it so.
    """
    if not name:
        return "00"
    first, last = name[:1], name[-1:]
    if not name.isascii():
        return "".join(end.decode("ascii") if end.isalnum() else "9" for end in (first, last))
    return (first + last).decode("ascii") if first.isalnum() and last.isalnum() else name.hex()[0] + name.hex()[-1]
