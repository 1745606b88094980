"""What a group remembers of one hit: forty bytes that sort by time and id, and what else must be carried along.

    0  time, microseconds, offset so that earlier ones sort first     8 bytes
    8  id of the event or of the match it stands for                 16
   24  flags                                                          1
   25  which of the correlation's rules it fulfils, a bit each        3
   28  its value: a hash of a counted one, a double of a number       8
   36  how many hits it stands for                                    4
   40  JSON list of carried texts; empty for most

Bytes, because a hundred thousand groups of them must fit into memory, bisection works on them as they are, and they
go to disk unchanged.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import blake2b

_NAME, _TAIL = struct.Struct(">Q16s"), struct.Struct(">I8sI")
_TIME, _DOUBLE = struct.Struct(">Q"), struct.Struct(">d")
_OFFSET = 1 << 63
_EARLIEST = -(1 << 62)
#: Length of what orders entries and tells them apart, and of the time with which it begins.
NAME, TIME = 24, 8
FLAGS, MASK, VALUE, WEIGHT, SUFFIX = 24, slice(25, 28), slice(28, 36), slice(36, 40), 40
FIRED, TOLD = 0x80, 0x40
RULES = (1 << 24) - 1
_BYTES = [bytes((value,)) for value in range(256)]
NOTHING = bytes(8)


def name(time: int, identity: bytes) -> bytes:
    """What an entry begins with; `identity` is 16 bytes."""
    return _NAME.pack(time + _OFFSET, identity)


def tail(mask: int, value: bytes = NOTHING, suffix: bytes = b"") -> bytes:
    """What a new entry ends with, after its name."""
    return _TAIL.pack(mask, value, 1) + suffix


def prefix(time: int) -> bytes:
    """What the entries of a time begin with; sorts before all of them. The time is within 2**62 of the epoch."""
    return (time + _OFFSET).to_bytes(8, "big")


def bounded(time: int) -> int:
    """The time, or the first or last one that `prefix` takes."""
    return time if _EARLIEST <= time <= -_EARLIEST else _EARLIEST if time < 0 else -_EARLIEST


def time_of(entry: bytes) -> int:
    """When it happened."""
    time: int = _TIME.unpack_from(entry)[0]
    return time - _OFFSET


def mask_of(entry: bytes) -> int:
    """The rules it fulfils."""
    return entry[27] | entry[26] << 8 | entry[25] << 16


def flagged(entry: bytes, flag: int) -> bytes:
    """The entry with a flag set."""
    return entry[:FLAGS] + _BYTES[entry[FLAGS] | flag] + entry[FLAGS + 1 :]


def identity_of(text: str) -> bytes:
    """The 16 bytes of an event id; ids that are not 32 hexadecimal digits are hashed."""
    if len(text) == 32:
        try:
            found = bytes.fromhex(text)
        except ValueError:
            found = NOTHING
        # Blanks between digits are skipped.
        if len(found) == 16:
            return found
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@lru_cache(maxsize=1 << 14)
def digest(text: str) -> bytes:
    """The value of an entry whose distinct values are counted."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def number(value: float) -> bytes:
    """The value of an entry that is computed with."""
    return _DOUBLE.pack(value)


def number_of(entry: bytes) -> float:
    """The number of an entry."""
    found: float = _DOUBLE.unpack(entry[VALUE])[0]
    return found


def weight_of(entry: bytes) -> int:
    """How many hits it stands for."""
    return int.from_bytes(entry[WEIGHT], "big")


def merged(one: bytes, other: bytes) -> bytes:
    """One entry for two neighbours whose numbers are added; it stands at the later one's time."""
    value = number(number_of(one) + number_of(other))
    weight = min(weight_of(one) + weight_of(other), (1 << 32) - 1).to_bytes(4, "big")
    return other[: VALUE.start] + value + weight + other[SUFFIX:]
