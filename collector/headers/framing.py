"""Links whose own header has no fixed length: 802.11 with what radiotap says of it, PPP, and the kernel's NFLOG."""

from __future__ import annotations

import numpy as np

from collector.arrays import Flags, Ints, Words

NOTHING = 0
_SNAP = 0xAAAA0300
_DATA, _TYPE, _QOS, _EMPTY = 0x08, 0x0F, 0x80, 0x40
"""Bits of the first byte of an 802.11 frame: data, whole type and version, with quality of service, without data."""
_BOTH, _PROTECTED, _ORDER = 0x03, 0x40, 0x80
"""Bits of the second: to and from the distribution system, encrypted, four more bytes of control."""
_AGGREGATED = 0x80
_MORE, _CLOCK, _FLAGS, _PADDED = 1 << 31, 1, 2, 0x20
"""Radiotap: another word of fields follows, a clock, flags; the flag of a header filled up to four bytes."""
_FIELDS, _ATTRIBUTES, _PAYLOAD = 4, 32, 9
"""Words of radiotap's fields and attributes of NFLOG that are looked at; the attribute that is the packet."""


def wireless(words: Words, start: Ints) -> tuple[Ints, Ints]:
    """Return EtherTypes and places of what 802.11 data frames carry that are not encrypted."""
    return _wireless(words, start, np.zeros(len(start), np.bool_))


def radiotap(words: Words, start: Ints) -> tuple[Ints, Ints]:
    """Return the same of frames behind a radiotap header (radiotap.org)."""
    length = words.u8(start + 2) | words.u8(start + 3) << 8
    first = _little(words, start + 4)
    at, more = start + 8, (first & _MORE) != 0
    for _ in range(_FIELDS):
        word = _little(words, at)
        at = np.where(more, at + 4, at)
        more &= (word & _MORE) != 0
    at = np.where(first & _CLOCK, start + ((at - start + 7) & ~7) + 8, at)
    padded = ((first & _FLAGS) != 0) & ((words.u8(at) & _PADDED) != 0)
    return _wireless(words, start + length, padded)


def _little(words: Words, at: Ints) -> Ints:
    return words.u32(at).astype(np.uint32).byteswap().astype(np.int64)


def _wireless(words: Words, start: Ints, padded: Flags) -> tuple[Ints, Ints]:
    control, flags = words.u8(start), words.u8(start + 1)
    quality = (control & _QOS) != 0
    size = 24 + 6 * ((flags & _BOTH) == _BOTH)
    aggregated = quality & ((words.u8(start + size) & _AGGREGATED) != 0)
    size += 2 * quality + 4 * (quality & ((flags & _ORDER) != 0))
    at = start + np.where(padded, (size + 3) & ~3, size)
    known = ((control & _TYPE) == _DATA) & ((control & _EMPTY) == 0) & ((flags & _PROTECTED) == 0) & ~aggregated
    known &= (words.u32(at) == _SNAP) & (words.u16(at + 4) == 0)
    return np.where(known, words.u16(at + 6), NOTHING), at + 8


def point_to_point(words: Words, start: Ints) -> tuple[Ints, Ints]:
    """Return protocols of PPP and places of what they carry, with the two bytes of HDLC before them or without."""
    at = start + 2 * (words.u16(start) == 0xFF03)
    return words.u16(at), at + 2


def logged(words: Words, start: Ints) -> Ints:
    """Return where the packets begin that the kernel's log (NFLOG) has among its attributes."""
    at, found = start + 4, start.copy()
    looking = np.ones(len(start), np.bool_)
    for _ in range(_ATTRIBUTES):
        small, big = words.u8(at + 2), words.u8(at + 3)  # a kind is less than 256; its place tells the byte order
        length = np.where(small != 0, words.u8(at) | words.u8(at + 1) << 8, words.u16(at))
        here = looking & ((small | big) == _PAYLOAD)
        found = np.where(here, at + 4, found)
        looking &= ~here & (length >= 4)
        if not looking.any():
            break
        at = np.where(looking, at + ((length + 3) & ~3), at)
    return found
