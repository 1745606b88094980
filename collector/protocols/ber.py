"""ASN.1 BER/DER as Kerberos, LDAP, SNMP and SPNEGO use it (X.690): bounded reading without building a tree."""

from __future__ import annotations

from collections.abc import Iterator

from collector.protocols.model import Malformed

#: Values of one sequence that are looked at.
MOST = 256

INTEGER, OCTETS, OID, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x0A, 0x30, 0x31

#: A value: its tag, and where its contents begin and end.
Item = tuple[int, int, int]


def head(data: bytes, at: int, end: int) -> Item:
    """Return tag, start and end of the value at `at`; Malformed where it goes past `end`."""
    if at + 2 > end:
        raise Malformed("asn1_truncated")
    tag, size = data[at], data[at + 1]
    at += 2
    if tag & 0x1F == 0x1F:
        raise Malformed("asn1_long_tag")
    if size >= 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise Malformed("asn1_length")
        size = int.from_bytes(data[at : at + count], "big")
        at += count
    if at + size > end:
        raise Malformed("asn1_truncated")
    return tag, at, at + size


def total(data: bytes, at: int) -> int:
    """Return the length of the whole value whose first bytes are at `at`, from six bytes or fewer."""
    size = data[at + 1]
    if size < 0x80:
        return 2 + size
    count = size & 0x7F
    if not 1 <= count <= 4:
        raise Malformed("asn1_length")
    return 2 + count + int.from_bytes(data[at + 2 : at + 2 + count], "big")


def items(data: bytes, start: int, end: int) -> Iterator[Item]:
    """Go through the values between two places, at most MOST of them."""
    for _ in range(MOST):
        if start >= end:
            return
        item = head(data, start, end)
        yield item
        start = item[2]


class Members(dict[int, tuple[int, int]]):
    """The places of a sequence's values by their tags; what is not there is Malformed, not a KeyError."""

    def __missing__(self, tag: int) -> tuple[int, int]:
        raise Malformed("asn1_member_missing")


def members(data: bytes, start: int, end: int) -> Members:
    """Return the values of a sequence by tag: a sequence of fields [0], [1] … has each once."""
    return Members((tag, (begin, stop)) for tag, begin, stop in items(data, start, end))


def integer(data: bytes, start: int, end: int) -> int:
    """Return a whole number; Malformed above eight bytes."""
    if not 0 < end - start <= 9:
        raise Malformed("asn1_integer")
    return int.from_bytes(data[start:end], "big", signed=True)


def inner(data: bytes, place: tuple[int, int], tag: int) -> tuple[int, int]:
    """Return where the contents of the value of a given tag lie inside an explicitly tagged field."""
    found, start, end = head(data, *place)
    if found != tag:
        raise Malformed("asn1_unexpected_tag")
    return start, end
