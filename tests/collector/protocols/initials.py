"""Initial packets of QUIC as a client or a server makes them, for tests: frames in, protected datagrams out."""

from __future__ import annotations

from struct import pack

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from collector.protocols.quic.initial import V2, Keys

CLIENT, SERVER = 0, 1


def number(value: int) -> bytes:
    """A number of variable length (RFC 9000, 16), in four bytes or two."""
    return pack("!I", value | 0x80000000) if value >= 0x4000 else pack("!H", value | 0x4000)


def crypto_frame(offset: int, data: bytes) -> bytes:
    return b"\x06" + number(offset) + number(len(data)) + data


def initial(
    frames: bytes,
    *,
    side: int = CLIENT,
    key_id: bytes = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08",
    target: bytes | None = None,
    version: int = 1,
    count: int = 2,
    token: bytes = b"",
) -> bytes:
    """One protected packet. `key_id` is what keys come from, `target` the id it is sent to where that is another."""
    key = Keys(version, key_id).side(side)
    frames = frames.ljust(1162 if side == CLIENT else 40, b"\0")
    sent_to = key_id if target is None else target
    kind = 1 if version == V2 else 0
    head = bytes([0xC3 | kind << 4]) + pack("!I", version) + bytes([len(sent_to)]) + sent_to + b"\x02sc"
    head += number(len(token)) + token + number(len(frames) + 4 + 16) + pack("!I", count)
    nonce = (int.from_bytes(key.iv, "big") ^ count).to_bytes(12, "big")
    sealed = AESGCM(key.key).encrypt(nonce, frames, head)
    packet = bytearray(head + sealed)
    start = len(head) - 4
    mask = Cipher(algorithms.AES(key.mask), modes.ECB()).encryptor().update(bytes(packet[start + 4 : start + 20]))
    packet[0] ^= mask[0] & 0x0F
    for place in range(4):
        packet[start + place] ^= mask[1 + place]
    return bytes(packet)
