"""What the accounts' database demands of new passwords beside their length, which netapi32 does not tell."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_void_p
from ctypes import c_uint32 as DWORD  # noqa: N812 (its name on Windows; wintypes has other sizes elsewhere)
from ctypes.wintypes import LPWSTR

from agent.windows.dll import Library, Signatures, failed

NETAPI: Signatures = {
    "NetUserModalsGet": (DWORD, [LPWSTR, DWORD, c_void_p]),
    "NetApiBufferFree": (DWORD, [c_void_p]),
}
SAM: Signatures = {
    "SamConnect": (DWORD, [c_void_p, c_void_p, DWORD, c_void_p]),
    "SamOpenDomain": (DWORD, [c_void_p, DWORD, c_void_p, c_void_p]),
    "SamQueryInformationDomain": (DWORD, [c_void_p, DWORD, c_void_p]),
    "SamFreeMemory": (DWORD, [c_void_p]),
    "SamCloseHandle": (DWORD, [c_void_p]),
}
COMPLEX = 0x1
"""DOMAIN_PASSWORD_COMPLEX of PasswordProperties (MS-SAMR 2.2.3.5)."""
_CONNECT_AND_LOOK_UP, _READ_PASSWORD_RULES = 0x21, 0x1
_PASSWORD_INFORMATION = 1
_DENIED = 0xC0000022
_ERROR_ACCESS_DENIED = 5


class _Domain(ctypes.Structure):
    """USER_MODALS_INFO_2: the accounts' domain of this computer."""

    _fields_ = (("name", LPWSTR), ("sid", c_void_p))


class _Attributes(ctypes.Structure):
    """OBJECT_ATTRIBUTES, empty but for its length."""

    _fields_ = (
        ("length", DWORD), ("root", c_void_p), ("name", c_void_p), ("attributes", DWORD), ("security", c_void_p),
        ("quality", c_void_p),
    )  # fmt: skip


class _Rules(ctypes.Structure):
    """The beginning of DOMAIN_PASSWORD_INFORMATION."""

    _fields_ = (("min_length", ctypes.c_uint16), ("history", ctypes.c_uint16), ("properties", DWORD))


def password_rules(netapi: Library, sam: Library) -> dict[str, int | bool]:
    """Return the least length and whether new passwords must be complex; raises OSError, PermissionError."""
    buffer = c_void_p()
    status = netapi.NetUserModalsGet(None, 2, byref(buffer))
    if status == _ERROR_ACCESS_DENIED:
        raise PermissionError(status, "NetUserModalsGet")
    if status:
        raise failed("NetUserModalsGet", status)
    try:
        return _of(sam, _Domain.from_address(buffer.value or 0).sid)
    finally:
        netapi.NetApiBufferFree(buffer)


def _of(sam: Library, domain: int) -> dict[str, int | bool]:
    server, opened, rules = c_void_p(), c_void_p(), c_void_p()
    attributes = _Attributes(ctypes.sizeof(_Attributes))
    _checked("SamConnect", sam.SamConnect(None, byref(server), _CONNECT_AND_LOOK_UP, byref(attributes)))
    try:
        _checked("SamOpenDomain", sam.SamOpenDomain(server, _READ_PASSWORD_RULES, domain, byref(opened)))
        try:
            status = sam.SamQueryInformationDomain(opened, _PASSWORD_INFORMATION, byref(rules))
            _checked("SamQueryInformationDomain", status)
            told = _Rules.from_address(rules.value or 0)
            found = {"min_length": int(told.min_length), "complex": bool(told.properties & COMPLEX)}
            sam.SamFreeMemory(rules)
            return found
        finally:
            sam.SamCloseHandle(opened)
    finally:
        sam.SamCloseHandle(server)


def _checked(what: str, status: int) -> None:
    """Raise for an NTSTATUS that is an error."""
    if status == _DENIED:
        raise PermissionError(status, what)
    if status >> 31:
        raise failed(what, status)
