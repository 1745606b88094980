"""Names inside a DNS message: labels and pointers (RFC 1035, 4.1.4), and NetBIOS names in labels (RFC 1001, 14.1)."""

from __future__ import annotations

import re

from collector.protocols.model import Malformed

MAX_NAME = 255
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_HALF_BYTES = bytes(range(ord("A"), ord("A") + 16))


def name_at(data: bytes, at: int) -> tuple[str, int]:
    """Return the name that begins at a place, in lower case and without its last dot, and the place after it.

    A pointer must lead to before the labels that lead to it, so that following them ends. Raises Malformed, IndexError.
    """
    labels: list[bytes] = []
    after, start, size = 0, at, 0
    while length := data[at]:
        if length < 64:
            stop = at + 1 + length
            if stop > len(data):
                raise Malformed("DNS_label_len_gt_pkt")
            labels.append(data[at + 1 : stop])
            size += length + 1
            if size > MAX_NAME:
                raise Malformed("DNS_NAME_too_long")
            at = stop
        elif length >= 192:
            target = (length & 63) << 8 | data[at + 1]
            after = after or at + 2
            if target >= start:
                raise Malformed("DNS_label_forward_compress_offset")
            at = start = target
        else:
            raise Malformed("DNS_label_too_long")
    return printable(b".".join(labels)), after or at + 1


def after_name(data: bytes, at: int) -> int:
    """Return the place after the name that begins at a place, without reading it. Raises Malformed, IndexError."""
    while length := data[at]:
        if length >= 192:
            return at + 2
        if length >= 64:
            raise Malformed("DNS_label_too_long")
        at += length + 1
    return at + 1


def printable(name: bytes) -> str:
    """Return the text of a name: UTF-8 where it is (mDNS), every other byte and control character escaped."""
    if name.isascii() and (text := name.decode("ascii")).isprintable() and "\\" not in text:
        return text.lower()
    text = name.decode("utf-8", "replace")
    if text.isprintable() and "\\" not in text and "\ufffd" not in text:
        return text.lower()
    # A backslash of the name itself is told from one of an escape by writing it as a byte too.
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in name).lower()


def netbios(name: str) -> str:
    """Return the NetBIOS name that a first label of 32 half-bytes holds, without its kind; other names as they are."""
    label = name.partition(".")[0].upper().encode("utf-8")
    if len(label) != 32 or label.translate(None, _HALF_BYTES):
        return name
    raw = bytes((label[i] - 65) << 4 | label[i + 1] - 65 for i in range(0, 30, 2))
    return netbios_text(raw)


def netbios_text(raw: bytes) -> str:
    """Return the 15 bytes of a NetBIOS name as text."""
    text = raw.rstrip(b" \0").decode("latin-1")
    return _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
