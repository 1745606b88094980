"""What a resource record says, as text in Zeek's manner (`answers` of dns.log)."""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET6, inet_ntoa, inet_ntop
from struct import unpack_from

from collector.protocols.dns.codes import TYPES
from collector.protocols.dns.names import name_at, netbios_text, printable
from collector.protocols.model import Malformed

MAX_TEXT = 1024
"""Characters of one answer that are kept."""
_NAMES_OF_ONE_MACHINE = 32
"""NetBIOS names of one answer that are kept."""

Reader = Callable[[bytes, int, int], str]


def _ipv4(data: bytes, at: int, stop: int) -> str:
    if stop - at != 4:
        raise Malformed("DNS_RR_length_mismatch")
    return inet_ntoa(data[at:stop])


def _ipv6(data: bytes, at: int, stop: int) -> str:
    if stop - at != 16:
        raise Malformed("DNS_RR_length_mismatch")
    return inet_ntop(AF_INET6, data[at:stop])


def _name(skip: int) -> Reader:
    def read(data: bytes, at: int, stop: int) -> str:
        return name_at(data[:stop], at + skip)[0] or "<Root>"

    return read


def _text(data: bytes, at: int, stop: int) -> str:
    found, size = [], 0
    while at < stop and size < MAX_TEXT:
        length = data[at]
        piece = data[at + 1 : min(at + 1 + length, stop)]
        found.append(f"TXT {length} {_plain(piece)}")
        at, size = at + 1 + length, size + length
    return " ".join(found)[:MAX_TEXT]


def _plain(piece: bytes) -> str:
    text = piece.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _service(data: bytes, at: int, stop: int) -> str:
    """SVCB and HTTPS (RFC 9460): priority and target."""
    return f"{unpack_from('!H', data, at)[0]} {name_at(data[:stop], at + 2)[0] or '.'}"


def _signature(data: bytes, at: int, stop: int) -> str:
    return f"RRSIG {unpack_from('!H', data, at)[0]} {name_at(data[:stop], at + 18)[0] or '<Root>'}"


def _delegation(data: bytes, at: int, stop: int) -> str:
    _, algorithm, digest = unpack_from("!HBB", data[:stop], at)
    return f"DS {algorithm} {digest}"


def _key(data: bytes, at: int, stop: int) -> str:
    return f"DNSKEY {data[:stop][at + 3]}"


def _next(data: bytes, at: int, stop: int) -> str:
    return f"NSEC {name_at(data[:stop], at)[0] or '<Root>'}"


def _authority(data: bytes, at: int, stop: int) -> str:
    """CAA (RFC 8659): flags, tag and value."""
    length = data[at + 1]
    tag, value = data[at + 2 : min(at + 2 + length, stop)], data[at + 2 + length : stop]
    return f"CAA {data[at]} {printable(tag)} {_plain(value)[:MAX_TEXT]}"


READERS: dict[int, Reader] = {
    1: _ipv4,
    28: _ipv6,
    15: _name(2),
    33: _name(6),
    16: _text,
    99: _text,
    43: _delegation,
    46: _signature,
    47: _next,
    48: _key,
    64: _service,
    65: _service,
    257: _authority,
    **dict.fromkeys((2, 3, 4, 5, 6, 7, 8, 9, 12, 39), _name(0)),
}


def say(kind: int, data: bytes, at: int, stop: int) -> str:
    """Return the text of a record of a type whose data lie from `at` to `stop`."""
    reader = READERS.get(kind)
    if reader:
        return reader(data, at, stop)
    return TYPES.get(kind, f"<unknown type={kind}>")


def say_netbios(kind: int, data: bytes, at: int, stop: int) -> list[str]:
    """Return the addresses of a NetBIOS answer (RFC 1002, 4.2.13), or the names of a machine's status (4.2.18)."""
    if kind == 32:
        return [inet_ntoa(data[place + 2 : place + 6]) for place in range(at, min(stop, at + 192) - 5, 6)]
    if kind == 33:
        count = min(data[at], _NAMES_OF_ONE_MACHINE)
        return [
            f"{netbios_text(data[place : place + 15])}<{data[place + 15]:02x}>"
            for place in range(at + 1, min(at + 1 + 18 * count, stop - 17), 18)
        ]
    return [say(kind, data, at, stop)]
