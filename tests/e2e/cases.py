"""An attack as packets, with the titles of its alerts, and what its twin and others are made with."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from collector.protocols.model import Side
from tests.collector.protocols.talk import Talk, talks
from tests.collector.replay import stretched
from tests.e2e.attacks import SERVER, spoken, told


class Case(NamedTuple):
    """An attack, whom its alerts are about, and the same as it happens in an office all day."""

    titles: tuple[str, ...]
    about: str
    frames: list[bytes]
    twin: list[bytes]


def fixture(parser: str, name: str) -> Talk:
    """Return a conversation of a parser's fixtures."""
    (talk,) = [talk for talk in talks(parser) if talk.name == name]
    return talk


def played(parser: str, name: str, source: str, target: str = SERVER, own: int = 50123, most: int = 99) -> list[bytes]:
    """Return the first turns of a fixture between these two computers."""
    talk = fixture(parser, name)
    carry = spoken if talk.flow.transport == "tcp" else told
    return carry(source, target, talk.flow.resp_p, talk.turns[:most], own)


def greeting(name: str) -> bytes:
    """Return the first message of a browser that wants this page over TLS."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(into, out, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
    raise AssertionError("nobody answered")


def poured(source: str, target: str, port: int, head: bytes, count: int, answer: bytes = b"ok") -> list[bytes]:
    """Return a connection that sends this and zeros, so many bytes, whose checksums the sender left to its card."""
    size = 1400
    turns = [(Side.ORIG, head.ljust(size, b"\0")), (Side.ORIG, bytes(size)), (Side.RESP, answer)]
    return list(stretched(spoken(source, target, port, turns, 50200), 4, len(range(0, count - size, size))))
