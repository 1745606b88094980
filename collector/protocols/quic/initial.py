"""Initial packets of QUIC (RFC 9000, 17.2.2), opened with the keys that their connection id gives (RFC 9001, 5.2)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from collector.protocols.model import Malformed

MAX_ID = 20
MAX_FRAMES = 512
"""Frames of one packet that are read; a run of padding counts as one."""
V2 = 0x6B3343CF
_V1_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
_DRAFT_29_SALT = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
_DRAFT_23_SALT = bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")
#: Version -> its name and salt: RFC 9000, RFC 9369, and the drafts that browsers and Meta's servers shipped.
VERSIONS: dict[int, tuple[str, bytes]] = {
    1: ("1", _V1_SALT),
    V2: ("2", bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")),
    **{0xFF000000 + draft: (f"draft-{draft}", _DRAFT_23_SALT) for draft in range(23, 29)},
    **{0xFF000000 + draft: (f"draft-{draft}", _DRAFT_29_SALT) for draft in range(29, 33)},
    **{0xFF000000 + draft: (f"draft-{draft}", _V1_SALT) for draft in range(33, 35)},
    0xFACEB001: ("mvfst-22", _DRAFT_23_SALT),
    0xFACEB002: ("mvfst-27", _DRAFT_23_SALT),
}


@dataclass(frozen=True, slots=True)
class Packet:
    """An Initial packet as it came: `head` is where its packet number begins, `stop` where it ends in the datagram."""

    version: int
    target: bytes
    """The connection id that it is sent to."""
    start: int
    head: int
    stop: int


@dataclass(frozen=True, slots=True)
class Key:
    """The keys of one side's Initial packets."""

    key: bytes
    iv: bytes
    mask: bytes


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number of variable length at a place, and the place after it (RFC 9000, 16)."""
    first = data[at]
    size = 1 << (first >> 6)
    if at + size > len(data):
        raise Malformed("quic_truncated")
    return int.from_bytes(data[at : at + size], "big") & (1 << 8 * size - 2) - 1, at + size


def packets(datagram: bytes) -> Iterator[Packet]:
    """Go through the Initial packets of a datagram; others that stand beside them are passed over."""
    at = 0
    while at + 7 < len(datagram) and datagram[at] & 0xC0 == 0xC0:
        (version,) = unpack_from("!I", datagram, at + 1)
        if version not in VERSIONS:
            return
        kind = datagram[at] >> 4 & 3
        if version == V2:
            kind = kind - 1 & 3
        if kind == 3:
            return  # Retry, which ends the datagram
        target, place = _id(datagram, at + 5)
        _, place = _id(datagram, place)
        if kind == 0:
            size, place = varint(datagram, place)
            place += size
        size, place = varint(datagram, place)
        if place + size > len(datagram):
            raise Malformed("quic_truncated")
        if kind == 0:
            yield Packet(version, target, at, place, place + size)
        at = place + size


def _id(data: bytes, at: int) -> tuple[bytes, int]:
    size = data[at]
    if size > MAX_ID or at + 1 + size > len(data):
        raise Malformed("quic_connection_id_too_long")
    return data[at + 1 : at + 1 + size], at + 1 + size


class Keys:
    """The keys of both sides for the connection id that the client chose for the server; made when they are needed."""

    __slots__ = ("_labels", "_secret", "_sides")

    def __init__(self, version: int, target: bytes) -> None:
        self._secret = hmac.digest(VERSIONS[version][1], target, "sha256")
        self._labels = _LABELS_V2 if version == V2 else _LABELS
        self._sides: list[Key | None] = [None, None]

    def side(self, number: int) -> Key:
        """Return the client's (0) or the server's (1)."""
        found = self._sides[number]
        if found is None:
            secret = hmac.digest(self._secret, _SIDES[number], "sha256")
            key, iv, mask = (hmac.digest(secret, label, "sha256") for label in self._labels)
            found = self._sides[number] = Key(key[:16], iv[:12], mask[:16])
        return found


def _label(text: str, size: int) -> bytes:
    """Return what HKDF-Expand-Label (RFC 8446, 7.1) authenticates for no more than one block of SHA-256."""
    full = b"tls13 " + text.encode("ascii")
    return size.to_bytes(2, "big") + bytes([len(full)]) + full + b"\0\x01"


_SIDES = (_label("client in", 32), _label("server in", 32))
_LABELS = tuple(_label(f"quic {name}", size) for name, size in (("key", 16), ("iv", 12), ("hp", 16)))
_LABELS_V2 = tuple(_label(f"quicv2 {name}", size) for name, size in (("key", 16), ("iv", 12), ("hp", 16)))


def opened(key: Key, packet: Packet, datagram: bytes) -> bytes | None:
    """Return the frames of a packet; None where the key does not open it. Raises Malformed for a packet too short."""
    sample = datagram[packet.head + 4 : packet.head + 20]
    if len(sample) < 16 or packet.stop - packet.head < 20:
        raise Malformed("quic_truncated")
    encryptor = Cipher(algorithms.AES(key.mask), modes.ECB()).encryptor()  # noqa: S305 - header protection is defined so
    mask = encryptor.update(sample)
    first = datagram[packet.start] ^ mask[0] & 0x0F
    size = (first & 3) + 1
    number = bytes(a ^ b for a, b in zip(datagram[packet.head : packet.head + size], mask[1:], strict=False))
    head = bytes([first]) + datagram[packet.start + 1 : packet.head] + number
    nonce = (int.from_bytes(key.iv, "big") ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    try:
        return AESGCM(key.key).decrypt(nonce, datagram[packet.head + size : packet.stop], head)
    except InvalidTag:
        return None


def crypto(frames: bytes) -> Iterator[tuple[int, bytes]]:
    """Go through the CRYPTO frames of an Initial packet: offset and bytes (RFC 9000, 19)."""
    at = 0
    for _ in range(MAX_FRAMES):
        # A run of padding is one step.
        at = len(frames) - len(frames[at:].lstrip(b"\0"))
        if at >= len(frames):
            return
        kind = frames[at]
        if kind == 1:  # PING
            at += 1
        elif kind in {2, 3}:  # ACK
            at = _after_acknowledgement(frames, at)
        elif kind == 6:
            offset, at = varint(frames, at + 1)
            size, at = varint(frames, at)
            if at + size > len(frames):
                raise Malformed("quic_truncated")
            yield offset, frames[at : at + size]
            at += size
        else:
            return  # CONNECTION_CLOSE, or what may not stand here


def _after_acknowledgement(frames: bytes, at: int) -> int:
    kind = frames[at]
    at += 1
    for _ in range(2):
        _, at = varint(frames, at)
    ranges, at = varint(frames, at)
    for _ in range(1 + 2 * min(ranges, MAX_FRAMES) + (3 if kind == 3 else 0)):
        _, at = varint(frames, at)
    return at
