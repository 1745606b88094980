"""The two hellos of TLS (RFC 8446, 4.1; RFC 5246, 7.4.1): what a client offers and what a server picks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import unpack_from

from collector.protocols.model import Malformed
from collector.protocols.tls.codes import DTLS13, GREASE, TLS13

MAX_EXTENSIONS = 256
MAX_ALPN = 32
MAX_OLD = 512
"""Bytes of a hello in the form of SSL 2.0."""
_OLD_HEAD = 11
_OLD_VERSIONS = frozenset({b"\0\2", b"\3\0", b"\3\1", b"\3\2", b"\3\3"})
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

SERVER_NAME, GROUPS, FORMATS, SIGNATURES, ALPN = 0, 10, 11, 13, 16
PRE_SHARED_KEY, SUPPORTED_VERSIONS, KEY_SHARE = 41, 43, 51
#: Encrypted ClientHello (RFC 9849) and the draft before it, encrypted server name.
HIDDEN = (0xFE0D, 0xFFCE)


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers; lists stand in its order and with its GREASE values."""

    version: int
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    server_name: bytes | None = None
    groups: tuple[int, ...] = ()
    formats: bytes = b""
    signatures: tuple[int, ...] = ()
    alpn: tuple[bytes, ...] = ()
    versions: tuple[int, ...] = ()
    old: bool = False
    """Whether it came in the form of SSL 2.0, for which there are no fingerprints."""

    @property
    def hidden(self) -> bool:
        """Whether it has an encrypted hello inside. Browsers send one that means nothing, too."""
        return any(number in HIDDEN for number in self.extensions)

    @property
    def newest(self) -> int:
        """The newest version that is offered."""
        offered = [v for v in self.versions if v not in GREASE]
        if self.version >> 8 == 0xFE:
            # The versions of DTLS count downwards.
            return min((v for v in offered if v >> 8 == 0xFE), default=self.version)
        return max(offered, default=self.version)


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server picks. `legacy` is the version in the old place, which fingerprints use."""

    version: int
    legacy: int
    cipher: int
    extensions: tuple[int, ...]
    group: int | None = None
    alpn: bytes | None = None
    retry: bool = field(default=False)
    """Whether it asks for another hello (RFC 8446, 4.1.4)."""

    @property
    def modern(self) -> bool:
        """Whether everything after it is encrypted: TLS 1.3 and its drafts."""
        return self.version in {TLS13, DTLS13} or self.version >> 8 == 0x7F


def numbers(data: bytes) -> tuple[int, ...]:
    """Return the 16-bit numbers of a list; an odd last byte is left out."""
    found: tuple[int, ...] = unpack_from(f"!{len(data) // 2}H", data)
    return found


def client_hello(body: bytes) -> ClientHello:
    """Return what the body of a ClientHello says. Raises Malformed, IndexError, struct.error."""
    (version,) = unpack_from("!H", body)
    at = 35 + body[34]
    (size,) = unpack_from("!H", body, at)
    at += 2
    ciphers = numbers(_slice(body, at, size))
    at += size
    at += 1 + body[at]
    values = dict(_extensions(body, at))
    order = tuple(values)
    get = values.get
    return ClientHello(
        version,
        ciphers,
        order,
        _server_name(get(SERVER_NAME)),
        numbers(get(GROUPS, b"")[2:]),
        get(FORMATS, b"")[1:],
        numbers(get(SIGNATURES, b"")[2:]),
        _protocols(get(ALPN, b"")),
        numbers(get(SUPPORTED_VERSIONS, b"")[1:]),
    )


def old_hello(record: bytes) -> ClientHello | None:
    """Return what a record of SSL 2.0 with a ClientHello says, None for any other (RFC 5246, E.2).

    Clients that also know older servers begin so; what follows is TLS or SSL 3.0.
    """
    if len(record) < _OLD_HEAD or record[0] < 0x80 or record[2] != 1 or record[3:5] not in _OLD_VERSIONS:
        return None
    version, ciphers, session, challenge = unpack_from("!4H", record, 3)
    size = _OLD_HEAD + ciphers + session + challenge
    if (
        not size == old_size(record) <= min(len(record), MAX_OLD)
        or not ciphers
        or ciphers % 3
        or not 16 <= challenge <= 32
    ):
        return None
    specs = record[_OLD_HEAD : _OLD_HEAD + ciphers]
    # Three bytes each; those of SSL 2.0 itself begin with another one than 0.
    found = (specs[at + 1] << 8 | specs[at + 2] for at in range(0, ciphers, 3) if not specs[at])
    return ClientHello(version, tuple(found), (), old=True)


def old_size(record: bytes) -> int:
    """Return the length of a record of SSL 2.0 with its head of two bytes."""
    return 2 + ((record[0] & 0x7F) << 8 | record[1])


def server_hello(body: bytes) -> ServerHello:
    """Return what the body of a ServerHello says. Raises Malformed, IndexError, struct.error."""
    (legacy,) = unpack_from("!H", body)
    at = 35 + body[34] if legacy >> 8 != 0x7F or legacy >= 0x7F16 else 34
    (cipher,) = unpack_from("!H", body, at)
    values = dict(_extensions(body, at + (3 if at > 34 else 2)))
    version, share = values.get(SUPPORTED_VERSIONS, b""), values.get(KEY_SHARE, b"")
    return ServerHello(
        unpack_from("!H", version)[0] if len(version) == 2 else legacy,
        legacy,
        cipher,
        tuple(values),
        unpack_from("!H", share)[0] if len(share) >= 2 else None,
        next(iter(_protocols(values.get(ALPN, b""))), None),
        body[2:34] == _RETRY,
    )


def _slice(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise Malformed("ssl_length_past_end")
    return data[at : at + size]


def _extensions(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Go through the extensions at the end of a hello; one may have none (RFC 5246, 7.4.1.2)."""
    if at >= len(body):
        return
    (size,) = unpack_from("!H", body, at)
    at += 2
    stop = at + size
    if stop > len(body):
        raise Malformed("ssl_length_past_end")
    for _ in range(MAX_EXTENSIONS):
        if at >= stop:
            return
        number, size = unpack_from("!HH", body, at)
        at += 4
        yield number, _slice(body, at, size)
        at += size


def _server_name(data: bytes | None) -> bytes | None:
    """The host name of the extension (RFC 6066, 3); empty where it names none."""
    if data is None:
        return None
    if len(data) < 5 or data[2]:
        return b""
    (size,) = unpack_from("!H", data, 3)
    return _slice(data, 5, size)


def _protocols(data: bytes) -> tuple[bytes, ...]:
    found: list[bytes] = []
    at = 2
    while at < len(data) and len(found) < MAX_ALPN:
        found.append(_slice(data, at + 1, data[at]))
        at += 1 + data[at]
    return tuple(found)
