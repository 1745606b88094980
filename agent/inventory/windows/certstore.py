"""The computer's own certificates (the machine's store MY): whose they are, and until when. No keys are touched."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import byref, c_char_p, c_void_p, create_unicode_buffer
from ctypes import c_uint32 as DWORD  # noqa: N812 (its name on Windows; wintypes has other sizes elsewhere)
from ctypes.wintypes import LPWSTR
from hashlib import sha256
from typing import Any

from agent.windows.dll import Library, Signatures, failed, last_error

CRYPT: Signatures = {
    "CertOpenStore": (c_void_p, [c_void_p, DWORD, c_void_p, DWORD, LPWSTR]),
    "CertEnumCertificatesInStore": (c_void_p, [c_void_p, c_void_p]),
    "CertNameToStrW": (DWORD, [DWORD, c_void_p, DWORD, LPWSTR, DWORD]),
    "CertFreeCertificateContext": (DWORD, [c_void_p]),
    "CertCloseStore": (DWORD, [c_void_p, DWORD]),
}
MAX_CERTIFICATES = 500
_BY_NAME, _MACHINE, _READ_ONLY, _IF_THERE = 10, 0x20000, 0x8000, 0x4000
_X509, _X500_NAME = 1, 3
_NOT_THERE, _DENIED = 2, 5
_NAME = 1024
_BEFORE_1970 = 11_644_473_600
"""Seconds from the beginning of FILETIME (1601) to that of Unix."""


class _Blob(ctypes.Structure):
    _fields_ = (("size", DWORD), ("data", c_void_p))


class _Time(ctypes.Structure):
    _fields_ = (("low", DWORD), ("high", DWORD))


class _Info(ctypes.Structure):
    """The beginning of CERT_INFO."""

    _fields_ = (
        ("version", DWORD), ("serial", _Blob), ("algorithm", c_char_p), ("parameters", _Blob), ("issuer", _Blob),
        ("not_before", _Time), ("not_after", _Time), ("subject", _Blob),
    )  # fmt: skip


class _Context(ctypes.Structure):
    """CERT_CONTEXT."""

    _fields_ = (
        ("encoding", DWORD), ("encoded", c_void_p), ("size", DWORD), ("info", ctypes.POINTER(_Info)),
        ("store", c_void_p),
    )  # fmt: skip


def own(crypt: Library) -> list[dict[str, Any]]:
    """Return the machine's own certificates: names, serial (hex), end (seconds since the epoch), SHA-256.

    Raises OSError, PermissionError. A machine that never had one has no such store.
    """
    store = crypt.CertOpenStore(_BY_NAME, 0, None, _MACHINE | _READ_ONLY | _IF_THERE, "MY")
    if not store:
        if last_error() == _NOT_THERE:
            return []
        error = failed("CertOpenStore")
        raise PermissionError(*error.args) if error.errno == _DENIED else error
    try:
        return list(_all(crypt, store))
    finally:
        crypt.CertCloseStore(store, 0)


def _all(crypt: Library, store: int) -> Iterator[dict[str, Any]]:
    place = None
    for _ in range(MAX_CERTIFICATES):
        # Each call gives back the certificate of the one before.
        place = crypt.CertEnumCertificatesInStore(store, place)
        if not place:
            return
        yield _told(crypt, _Context.from_address(place))
    crypt.CertFreeCertificateContext(place)


def _told(crypt: Library, found: Any) -> dict[str, Any]:
    info = found.info.contents
    serial = ctypes.string_at(info.serial.data, info.serial.size)[::-1]
    moment = (info.not_after.high << 32 | info.not_after.low) // 10_000_000 - _BEFORE_1970
    return {
        "subject": _name(crypt, info.subject),
        "issuer": _name(crypt, info.issuer),
        "serial": serial.hex().upper(),
        "not_after": moment,
        "sha256": sha256(ctypes.string_at(found.encoded, found.size)).hexdigest(),
    }


def _name(crypt: Library, blob: Any) -> str:
    text = create_unicode_buffer(_NAME)
    crypt.CertNameToStrW(_X509, byref(blob), _X500_NAME, text, _NAME)
    return text.value
