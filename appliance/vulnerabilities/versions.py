"""Comparing versions exactly: Debian's order (deb-version(7)) and dotted numbers of other software. Pure."""

from __future__ import annotations

import re

MAX_VERSION = 120
"""Characters; longer ones are nonsense."""
_FORM = re.compile(r"(?:\d{1,9}:)?[0-9A-Za-z.+~:-]*")
_NUMBERS = re.compile(r"\d{1,18}(?:[._]\d{1,18}){0,7}")
_END = 0


class BadVersion(ValueError):
    """A text that is no version."""


def dpkg_compare(first: str, second: str) -> int:
    """Return -1, 0 or 1 as dpkg orders two versions. Raises BadVersion."""
    return _compare(_parts(first), _parts(second))


def _compare(first: tuple[int, str, str], second: tuple[int, str, str]) -> int:
    if first[0] != second[0]:
        return -1 if first[0] < second[0] else 1
    return _text(first[1], second[1]) or _text(first[2], second[2])


def _parts(version: str) -> tuple[int, str, str]:
    """Return epoch, upstream version and revision."""
    if not 0 < len(version) <= MAX_VERSION or not version.isascii() or not _FORM.fullmatch(version):
        raise BadVersion(version[:40])
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    if not epoch.isdecimal() or not upstream:
        raise BadVersion(version[:40])
    return int(epoch), upstream, revision


def _text(first: str, second: str) -> int:
    """Compare as deb-version(7) says: runs that are no digits by letter, digits by number."""
    at, to = 0, 0
    while at < len(first) or to < len(second):
        while (at < len(first) and not first[at].isdecimal()) or (to < len(second) and not second[to].isdecimal()):
            left, right = _weight(first, at), _weight(second, to)
            if left != right:
                return -1 if left < right else 1
            at, to = at + 1, to + 1
        start, begin = at, to
        while at < len(first) and first[at].isdecimal():
            at += 1
        while to < len(second) and second[to].isdecimal():
            to += 1
        left, right = int(first[start:at] or "0"), int(second[begin:to] or "0")
        if left != right:
            return -1 if left < right else 1
    return 0


def _weight(text: str, at: int) -> int:
    """Return where a sign stands: `~` before the end, the end and digits before letters, letters before the rest."""
    if at >= len(text) or text[at].isdecimal():
        return _END
    sign = text[at]
    if sign == "~":
        return -1
    return ord(sign) if sign.isalpha() else ord(sign) + 256


def dotted(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: „24.09 beta” is (24, 9). Raises BadVersion."""
    found = _NUMBERS.match(version.strip().removeprefix("v")[:MAX_VERSION])
    if not found:
        raise BadVersion(version[:40])
    numbers = [int(part) for part in re.split(r"[._]", found[0])]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
