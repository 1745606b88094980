"""The entries of a zip file of strangers: nothing is unpacked here, and no header is believed."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_ARCHIVE = 128 << 20
"""Bytes of a zip file."""
MAX_DIRECTORY = 8 << 20
"""Bytes of its list of files; the library reads all of it at once."""
_END, _LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_END_SIZE, _LOCATOR_SIZE, _COMMENT = 22, 20, 1 << 16
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 1
Read = Callable[[int], bytes]
"""Reads at most so many bytes of a file. Raises OSError or ValueError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a release: its path with slashes, how to read it, or why it cannot be taken."""

    name: str
    read: Read
    fault: str = ""


def entries(path: Path) -> Iterator[Entry]:
    """Yield the files of a zip. An archive that cannot be used is one entry without a name, and with a fault."""
    fault = _archive_fault(path)
    if fault:
        yield Entry("", _nothing, fault)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, zipfile.BadZipFile, RuntimeError) as error:
        yield Entry("", _nothing, f"to nie jest poprawne archiwum ZIP ({error}); pobierz je jeszcze raz")
        return
    # The archive stays open for as long as one of its entries is kept.
    for info in archive.infolist():
        if not info.filename.endswith("/"):
            yield Entry(info.orig_filename, _reader(archive, info), _entry_fault(info))


def _archive_fault(path: Path) -> str:
    """Say what is wrong before the library reads the list of files into memory."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _END_SIZE - _COMMENT - _LOCATOR_SIZE))
            tail = stream.read()
    except OSError as error:
        return f"nie można odczytać pliku: {error.strerror}"
    if size > MAX_ARCHIVE:
        return f"archiwum ma ponad {MAX_ARCHIVE} bajtów; podaj samo wydanie reguł"
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        return "to nie jest archiwum ZIP; pobierz wydanie jeszcze raz"
    (directory,) = struct.unpack_from("<I", tail, at + 12)
    if _LOCATOR in tail[max(0, at - _LOCATOR_SIZE) : at] or directory > MAX_DIRECTORY:
        return f"spis plików archiwum ma ponad {MAX_DIRECTORY} bajtów; podaj samo wydanie reguł"
    return ""


def _entry_fault(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "to dowiązanie albo urządzenie; wydanie może mieć tylko zwykłe pliki"
    if info.flag_bits & _ENCRYPTED:
        return "plik jest zaszyfrowany; podaj archiwum bez hasła"
    if info.compress_type not in _METHODS:
        return "nieznany sposób pakowania; spakuj wydanie zwykłym ZIP (deflate)"
    return ""


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Read:
    def read(most: int) -> bytes:
        try:
            # The stream unpacks as much as is asked for, whatever the header says of the size.
            with archive.open(info) as stream:
                return stream.read(most)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise ValueError(str(error)) from error

    return read


def _nothing(_: int) -> bytes:
    return b""
