"""The filter of a search as text (RFC 4515), bounded in depth and length: it tells an inventory from a look-up."""

from __future__ import annotations

from collector.protocols import ber
from collector.protocols.frames import text
from collector.protocols.model import Malformed

_DEPTH, _LENGTH, _MOST = 8, 512, 32
_AND, _OR, _NOT, _EQUAL, _PARTS, _AT_LEAST, _AT_MOST, _PRESENT, _ALIKE, _MATCHING = range(0xA0, 0xAA)
#: Attributes whose values are passwords or keys, by name and by number.
_SECRET = frozenset({
    "userpassword", "2.5.4.35", "unicodepwd", "1.2.840.113556.1.4.90", "dbcspwd", "ntpwdhistory", "lmpwdhistory",
    "supplementalcredentials", "authpassword", "sambantpassword", "sambalmpassword", "sambapasswordhistory",
    "krbprincipalkey", "ms-mcs-admpwd", "mslaps-password", "mslaps-encryptedpassword", "trustauthincoming",
    "trustauthoutgoing",
})  # fmt: skip
_COMPARED = {_EQUAL: "=", _AT_LEAST: ">=", _AT_MOST: "<=", _ALIKE: "~="}


def written(message: bytes, item: ber.Item) -> str:
    """Return a filter as it would be typed, cut to so many characters."""
    return _one(message, item, _DEPTH)[:_LENGTH]


def _one(message: bytes, item: ber.Item, depth: int) -> str:
    tag, start, end = item
    if not depth:
        return "(…)"
    if tag in {_AND, _OR, _NOT}:
        parts = [_one(message, part, depth - 1) for part in list(ber.items(message, start, end))[:_MOST]]
        return f"({'&|!'[tag - _AND]}{''.join(parts)[:_LENGTH]})"
    if tag in _COMPARED:
        (_, a, b), (_, c, d) = list(ber.items(message, start, end))[:2]
        name = _said(message, a, b)
        return f"({name}{_COMPARED[tag]}{_value(name, _said(message, c, d))})"
    if tag == 0x87:
        return f"({_said(message, start, end)}=*)"
    if tag == _PARTS:
        return _substrings(message, start, end)
    if tag == _MATCHING:
        return _matching(message, start, end)
    raise Malformed("ldap_filter")


def _said(message: bytes, start: int, end: int) -> str:
    raw = message[start:end]
    # Identifiers (objectSid, objectGUID) are bytes, written as RFC 4515 does.
    return text(raw, 128) if raw.isascii() and b"\0" not in raw else "".join(f"\\{byte:02x}" for byte in raw[:32])


def _value(name: str, value: str) -> str:
    """Return what a filter compares an attribute with; of a secret one only that there was something."""
    return "***" if name.partition(";")[0].strip().lower() in _SECRET else value


def _substrings(message: bytes, start: int, end: int) -> str:
    (_, a, b), (_, c, d) = list(ber.items(message, start, end))[:2]
    pattern = ""
    for tag, begin, stop in list(ber.items(message, c, d))[:_MOST]:
        piece = _said(message, begin, stop)
        pattern += piece if tag == 0x80 else f"*{piece}"
        last = tag
    name = _said(message, a, b)
    return f"({name}={_value(name, pattern if last == 0x82 else f'{pattern}*')})"


def _matching(message: bytes, start: int, end: int) -> str:
    parts = ber.members(message, start, end)
    rule = f":{_said(message, *parts[0x81])}:" if 0x81 in parts else ":"
    name = _said(message, *parts[0x82]) if 0x82 in parts else ""
    return f"({name}{rule}={_value(name, _said(message, *parts[0x83]))})"
