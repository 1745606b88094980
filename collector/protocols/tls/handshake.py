"""The handshake of one connection, whatever carries it: messages of both sides, and what they tell together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from collector.protocols.model import Malformed, Side
from collector.protocols.tls.ciphers import cipher_name
from collector.protocols.tls.hello import ClientHello, ServerHello, client_hello, server_hello

MAX_MESSAGE = 131_072
"""Bytes of one handshake message."""
MAX_MESSAGES = 64
"""Messages of one side; an honest handshake has a dozen."""
MAX_BROKEN = 512
"""Broken datagrams of a flow after which what carries handshakes in datagrams is read no more."""
MAX_CERTIFICATES = 10
"""Certificates of a chain that are read."""

CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE = 1, 2, 11, 12, 14
_NAMED_CURVE = 3


@dataclass(slots=True)
class Facts:
    """What was seen of a handshake. Chains are certificates as they came (DER), the owner's first."""

    began: int = 0
    """When the first message came, in microseconds."""
    client_side: Side = Side.ORIG
    client: ClientHello | None = None
    server: ServerHello | None = None
    first_answer: ServerHello | None = None
    """The answer to the first hello, which may ask for another; fingerprints are of these two."""
    server_chain: list[bytes] = field(default_factory=list)
    client_chain: list[bytes] = field(default_factory=list)
    group: int | None = None
    """The named curve of a key exchange before TLS 1.3 (RFC 8422, 5.4)."""
    hello_done: bool = False
    """Whether the server ended a whole handshake, which one that resumes a session has not (RFC 5246, 7.3)."""


class Handshake:
    """Joins the handshake bytes of two sides into messages and gathers their facts."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._buffers = (bytearray(), bytearray())
        self._counts = [0, 0]

    def take(self, side: Side, at: int, data: bytes) -> None:
        """Take the next handshake bytes of a side. Raises Malformed, IndexError, struct.error."""
        buffer = self._buffers[side]
        buffer += data
        while len(buffer) >= 4:
            size = int.from_bytes(buffer[1:4], "big")
            if size > MAX_MESSAGE:
                raise Malformed("ssl_handshake_message_too_long")
            if len(buffer) - 4 < size:
                break
            kind, body = buffer[0], bytes(buffer[4 : 4 + size])
            # Read or broken, the next one begins behind it.
            del buffer[: 4 + size]
            self._message(side, at, kind, body)

    def old(self, side: Side, at: int, hello: ClientHello) -> None:
        """Take a hello that came in the form of SSL 2.0."""
        if self.facts.client is None:
            self.facts.client, self.facts.client_side = hello, side
            self.facts.began = self.facts.began or at

    def _message(self, side: Side, at: int, kind: int, body: bytes) -> None:
        self._counts[side] += 1
        if self._counts[side] > MAX_MESSAGES:
            raise Malformed("ssl_handshake_endless")
        if reader := _READERS.get(kind):
            reader(self.facts, side, body)
            self.facts.began = self.facts.began or at


def _client_hello(facts: Facts, side: Side, body: bytes) -> None:
    # After a request to retry the second hello says the same again; the first is what fingerprints name.
    if facts.client is None:
        facts.client, facts.client_side = client_hello(body), side


def _server_hello(facts: Facts, side: Side, body: bytes) -> None:
    if facts.server is None or facts.server.retry:
        facts.server = server_hello(body)
        facts.first_answer = facts.first_answer or facts.server
        if facts.client is None:
            facts.client_side = Side(1 - side)


def _certificate(facts: Facts, side: Side, body: bytes) -> None:
    chain = facts.client_chain if side == facts.client_side else facts.server_chain
    at, stop = 3, 3 + int.from_bytes(body[:3], "big")
    if stop > len(body):
        raise Malformed("ssl_length_past_end")
    while at + 3 <= stop and len(chain) < MAX_CERTIFICATES:
        size = int.from_bytes(body[at : at + 3], "big")
        at += 3
        if at + size > stop:
            raise Malformed("ssl_length_past_end")
        chain.append(body[at : at + size])
        at += size


def _server_key_exchange(facts: Facts, side: Side, body: bytes) -> None:
    if facts.server and "_ECDHE_" in cipher_name(facts.server.cipher) and body[0] == _NAMED_CURVE:
        facts.group = body[1] << 8 | body[2]


def _server_hello_done(facts: Facts, side: Side, body: bytes) -> None:
    facts.hello_done = True


_READERS: dict[int, Callable[[Facts, Side, bytes], None]] = {
    CLIENT_HELLO: _client_hello,
    SERVER_HELLO: _server_hello,
    CERTIFICATE: _certificate,
    SERVER_KEY_EXCHANGE: _server_key_exchange,
    SERVER_HELLO_DONE: _server_hello_done,
}
