"""A small program of Windows, byte by byte: a version resource and an import table. Facts: PE Format of Microsoft."""

from __future__ import annotations

import struct
from collections.abc import Mapping

_RVA, _RAW = 0x1000, 0x200
_BODY = 0x3000


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(key: str, content: bytes, value: bytes = b"", words: int = 0) -> bytes:
    head = _padded(bytes(6) + key.encode("utf-16-le") + b"\0\0") + value
    whole = _padded(head) + content if content else head
    return struct.pack("<HHH", len(whole), words, 1) + whole[6:]


def version(strings: Mapping[str, str]) -> bytes:
    """Return a VS_VERSIONINFO of these strings."""
    rows = b"".join(
        _padded(_block(name, b"", (text + "\0").encode("utf-16-le"), len(text) + 1)) for name, text in strings.items()
    )
    info = _block("StringFileInfo", _block("041504B0", rows))
    fixed = struct.pack("<I", 0xFEEF04BD) + bytes(48)
    head = _padded(bytes(6) + "VS_VERSION_INFO".encode("utf-16-le") + b"\0\0") + fixed
    whole = _padded(head) + info
    return struct.pack("<HHH", len(whole), len(fixed), 0) + whole[6:]


def program(strings: Mapping[str, str], imports: Mapping[str, tuple[str | int, ...]]) -> bytes:
    """Return a 64-bit program; an import that is a number is one by its ordinal."""
    body = bytearray(_BODY)
    resource = version(strings)
    struct.pack_into("<12xHHII", body, 0, 0, 1, 16, 0x80000018)
    struct.pack_into("<12xHHII", body, 0x18, 0, 1, 1, 0x80000030)
    struct.pack_into("<12xHHII", body, 0x30, 0, 1, 1045, 0x48)
    struct.pack_into("<II", body, 0x48, _RVA + 0x100, len(resource))
    body[0x100 : 0x100 + len(resource)] = resource
    table, thunks, names = 0x1000, 0x1400, 0x2000
    for number, (library, functions) in enumerate(imports.items()):
        body[names : names + len(library)] = library.encode()
        struct.pack_into("<I8xII", body, table + 20 * number, _RVA + thunks, _RVA + names, _RVA + thunks)
        names += len(library) + 1
        for function in functions:
            if isinstance(function, int):
                struct.pack_into("<Q", body, thunks, 1 << 63 | function)
            else:
                struct.pack_into("<Q", body, thunks, _RVA + names)
                body[names + 2 : names + 2 + len(function)] = function.encode()
                names += len(function) + 3
            thunks += 8
        thunks += 8
    directories = struct.pack("<6I", 0, 0, _RVA + table, 20 * (len(imports) + 1), _RVA, 0x100)
    optional = struct.pack("<H106xI", 0x20B, 3) + directories
    header = struct.pack("<4sHH12xHH", b"PE\0\0", 0x8664, 1, len(optional), 0x22) + optional
    section = struct.pack("<8sIIII16x", b".data", _BODY, _RVA, _BODY, _RAW)
    start = struct.pack("<2s58xI", b"MZ", 64) + header + section
    return start + bytes(_RAW - len(start)) + bytes(body)
