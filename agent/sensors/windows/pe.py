"""What a Windows program says of itself: the strings of its version resource, and its imports' hash. Pure and bounded.

Facts: PE Format and VS_VERSIONINFO of Microsoft; IMPHASH as pefile computes it. A file that is damaged or crafted gives
what could be read, or nothing; it never costs more than some reads of bounded size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from hashlib import md5
from types import MappingProxyType
from typing import NamedTuple

Read = Callable[[int, int], bytes]
"""Returns as many bytes of a file as there are, from an offset on."""
STRINGS: Mapping[str, str] = MappingProxyType(
    {
        "OriginalFilename": "OriginalFileName",
        "FileDescription": "Description",
        "ProductName": "Product",
        "CompanyName": "Company",
        "FileVersion": "FileVersion",
    }
)
"""The resource's names to those of Sysmon."""
MAX_TEXT = 512
_MAX_RESOURCE = 64 << 10
_MAX_SECTIONS, _MAX_ENTRIES, _MAX_STRINGS = 96, 4096, 256
_MAX_DLLS, _MAX_IMPORTS = 256, 8192
_RT_VERSION = 16
_NAMED_BY_ORDINAL = frozenset({"ws2_32", "wsock32", "oleaut32"})
"""Libraries whose ordinals a table turns into names; an IMPHASH that needs it is left out."""


class _Image(NamedTuple):
    read: Read
    sections: list[tuple[int, int, int]]
    """Virtual address, size and place in the file."""
    directories: list[tuple[int, int]]
    """Address and size of the data directories."""
    wide: bool

    def at(self, address: int, size: int) -> bytes:
        """Return bytes by their virtual address, fewer at the end of a section."""
        for start, length, place in self.sections:
            if start <= address < start + length:
                return self.read(place + address - start, min(size, start + length - address))
        return b""


def strings(read: Read) -> dict[str, str]:
    """Return the version strings of a program under Sysmon's names; empty when it has none."""
    try:
        image = _image(read)
        data = _version_resource(image) if image is not None else b""
        return dict(_strings(data))
    except struct.error:
        return {}


def imphash(read: Read) -> str:
    """Return the hash of a program's imports, 32 hex digits; empty when it has none that can be told."""
    try:
        image = _image(read)
        names = list(_imports(image)) if image is not None else []
    except (struct.error, LookupError):
        return ""
    return md5(",".join(names).encode(), usedforsecurity=False).hexdigest() if names else ""


def _image(read: Read) -> _Image | None:
    head = read(0, 64)
    if len(head) < 64 or head[:2] != b"MZ":
        return None
    (start,) = struct.unpack_from("<I", head, 60)
    header = read(start, 24 + 240)
    if header[:4] != b"PE\0\0":
        return None
    count, optional = struct.unpack_from("<H12xH", header, 6)
    (magic,) = struct.unpack_from("<H", header, 24)
    first = 24 + (112 if magic == 0x20B else 96)
    (listed,) = struct.unpack_from("<I", header, first - 4)
    directories = [struct.unpack_from("<II", header, first + 8 * n) for n in range(min(listed, 3))]
    table = read(start + 24 + optional, 40 * min(count, _MAX_SECTIONS))
    sections = []
    for begin in range(0, len(table) - 39, 40):
        size, address, raw_size, raw = struct.unpack_from("<IIII", table, begin + 8)
        sections.append((address, max(size, raw_size), raw))
    return _Image(read, sections, directories, magic == 0x20B)


def _version_resource(image: _Image) -> bytes:
    if len(image.directories) < 3 or not image.directories[2][0]:
        return b""
    base = image.directories[2][0]
    place = _child(image, base, base, _RT_VERSION)
    for _ in range(2):  # the resource's number, then its language: the first of each
        if place is None or not place & 0x80000000:
            return b""
        place = _child(image, base, base + (place & 0x7FFFFFFF), None)
    if place is None or place & 0x80000000:
        return b""
    address, size = struct.unpack("<II", image.at(base + place, 8))
    return image.at(address, min(size, _MAX_RESOURCE))


def _child(image: _Image, base: int, folder: int, wanted: int | None) -> int | None:
    """Return the offset of a resource folder's entry, of the first one when none is `wanted`."""
    named, numbered = struct.unpack("<12xHH", image.at(folder, 16))
    entries = image.at(folder + 16, 8 * min(named + numbered, _MAX_ENTRIES))
    for name, offset in struct.iter_unpack("<II", entries[: len(entries) // 8 * 8]):
        if wanted is None or name == wanted:
            # A folder must lie behind the one that names it, so that none is met twice.
            if offset & 0x80000000 and base + (offset & 0x7FFFFFFF) <= folder:
                return None
            return int(offset)
    return None


def _strings(data: bytes) -> Iterator[tuple[str, str]]:
    left = _MAX_STRINGS
    for key, begin, end, _ in _children(data, _value_end(data), len(data)):
        if key != "StringFileInfo":
            continue
        for _, first, last, _ in _children(data, begin, end):
            for name, at, stop, words in _children(data, first, last):
                left -= 1
                if left < 0:
                    return
                text = data[at : min(stop, at + 2 * words, at + 2 * MAX_TEXT)].decode("utf-16-le", "replace")
                text = text.partition("\0")[0].strip()
                if name in STRINGS and text:
                    yield STRINGS[name], text


def _value_end(data: bytes) -> int:
    """Return where the children of the root begin: behind its header, its key and its fixed value."""
    length, value_length, _ = struct.unpack_from("<HHH", data) if len(data) >= 6 else (0, 0, 0)
    return _aligned(_aligned(6 + 2 * (len("VS_VERSION_INFO") + 1)) + value_length) if length else len(data)


def _children(data: bytes, begin: int, end: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield key, beginning and end of the content, and length of the value of each block of a level."""
    while begin + 6 <= end:
        length, value_length, _ = struct.unpack_from("<HHH", data, begin)
        stop = min(begin + length, end)
        if length < 8:
            return
        at = data.find(b"\0\0", begin + 6, stop)
        while at >= 0 and (at - begin) % 2:
            at = data.find(b"\0\0", at + 1, stop)
        if at < 0:
            return
        yield data[begin + 6 : at].decode("utf-16-le", "replace"), _aligned(at + 2), stop, value_length
        begin = _aligned(stop)


def _aligned(place: int) -> int:
    return (place + 3) & ~3


def _imports(image: _Image) -> Iterator[str]:
    """Yield `library.function` of each import, in order; raises LookupError when a name cannot be told."""
    if len(image.directories) < 2 or not image.directories[1][0]:
        return
    left = _MAX_IMPORTS
    for number in range(_MAX_DLLS):
        entry = image.at(image.directories[1][0] + 20 * number, 20)
        if len(entry) < 20 or not any(entry):
            return
        names, name_at, addresses = struct.unpack("<I8xII", entry)
        library = _text(image, name_at).lower()
        stem, _, ending = library.rpartition(".")
        library = stem if ending in ("dll", "ocx", "sys") else library
        for function in _functions(image, names or addresses, library):
            left -= 1
            if left < 0:
                raise LookupError("too many imports")
            yield f"{library}.{function.lower()}"


def _functions(image: _Image, table: int, library: str) -> Iterator[str]:
    size, form, ordinal = (8, "<Q", 1 << 63) if image.wide else (4, "<I", 1 << 31)
    for number in range(_MAX_IMPORTS + 1):
        (thunk,) = struct.unpack(form, image.at(table + size * number, size))
        if not thunk:
            return
        if not thunk & ordinal:
            yield _text(image, (thunk & 0x7FFFFFFF) + 2)
        elif library in _NAMED_BY_ORDINAL:
            raise LookupError(library)
        else:
            yield f"ord{thunk & 0xFFFF}"


def _text(image: _Image, address: int) -> str:
    text = image.at(address, 256).partition(b"\0")[0].decode("ascii", "replace")
    if not text:
        raise LookupError("an import without a name")
    return text
