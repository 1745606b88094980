"""What only the libraries of Windows tell: password and audit policy, accounts, administrators, root CAs, event logs.

Accounts and groups by their numbers (RID, SID), never by their names, which every language has its own of.
"""

from __future__ import annotations

import ctypes
import importlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from ctypes import byref, c_void_p, cast, create_unicode_buffer
from ctypes import c_uint32 as DWORD  # noqa: N812 (its name on Windows; wintypes has other sizes elsewhere)
from ctypes.wintypes import BOOLEAN, LPWSTR
from typing import Any
from uuid import UUID

from agent.inventory.windows import certstore, sam
from agent.windows.dll import Library, Signatures, failed, load

_POINTER = c_void_p
NETAPI: Signatures = {
    "NetUserModalsGet": (DWORD, [LPWSTR, DWORD, _POINTER]),
    "NetUserEnum": (DWORD, [LPWSTR, DWORD, DWORD, _POINTER, DWORD, _POINTER, _POINTER, _POINTER]),
    "NetLocalGroupGetMembers": (DWORD, [LPWSTR, LPWSTR, DWORD, _POINTER, DWORD, _POINTER, _POINTER, _POINTER]),
    "NetApiBufferFree": (DWORD, [_POINTER]),
}
ADVAPI: Signatures = {
    "ConvertStringSidToSidW": (BOOLEAN, [LPWSTR, _POINTER]),
    "ConvertSidToStringSidW": (BOOLEAN, [_POINTER, _POINTER]),
    "LookupAccountSidW": (BOOLEAN, [LPWSTR, _POINTER, LPWSTR, _POINTER, LPWSTR, _POINTER, _POINTER]),
}
AUDIT: Signatures = {
    "AuditQuerySystemPolicy": (BOOLEAN, [_POINTER, DWORD, _POINTER]),
    "AuditFree": (None, [_POINTER]),
}
KERNEL: Signatures = {"LocalFree": (_POINTER, [_POINTER])}
ADMINISTRATORS = "S-1-5-32-544"
AUDITED = ("0cce922b-69ae-11d9-bed3-505054503030", "0cce9215-69ae-11d9-bed3-505054503030")
"""Audit subcategories that are asked for: started processes, log-ons."""
MAX_ACCOUNTS = 2000
_EVERYTHING = 0xFFFFFFFF
_NORMAL = 2
_MORE = 234
_DENIED, _NO_PRIVILEGE = 5, 1314
_DISABLED, _LOCKED, _NO_PASSWORD, _NEVER_EXPIRES = 0x2, 0x10, 0x20, 0x10000


class _Account(ctypes.Structure):
    """USER_INFO_20."""

    _fields_ = (("name", LPWSTR), ("full_name", LPWSTR), ("comment", LPWSTR), ("flags", DWORD), ("rid", DWORD))


class _Member(ctypes.Structure):
    """LOCALGROUP_MEMBERS_INFO_2."""

    _fields_ = (("sid", c_void_p), ("usage", DWORD), ("name", LPWSTR))


class _Audit(ctypes.Structure):
    """AUDIT_POLICY_INFORMATION."""

    _fields_ = (("subcategory", ctypes.c_byte * 16), ("setting", DWORD), ("category", ctypes.c_byte * 16))


class Accounts:
    """Local accounts, groups and their policy, through netapi32 and advapi32."""

    def __init__(self, netapi: Library, advapi: Library, kernel: Library) -> None:
        """Ask through these libraries, or objects with the same functions."""
        self._netapi, self._advapi, self._kernel = netapi, advapi, kernel

    def modals(self) -> dict[str, int]:
        """Return the password and lockout policy that is in force (NetUserModalsGet, levels 0 and 3)."""
        length, maximum, _, _, history = self._numbers(0, 5)
        _, _, threshold = self._numbers(3, 3)
        return {"min_length": length, "max_age": maximum, "history": history, "lockout_threshold": threshold}

    def _numbers(self, level: int, count: int) -> list[int]:
        buffer = c_void_p()
        _checked("NetUserModalsGet", self._netapi.NetUserModalsGet(None, level, byref(buffer)))
        try:
            return list((DWORD * count).from_address(buffer.value or 0))
        finally:
            self._netapi.NetApiBufferFree(buffer)

    def accounts(self) -> list[dict[str, Any]]:
        """Return the local accounts by RID, with what matters of their flags; people's full names are left out."""
        buffer, read, total = c_void_p(), DWORD(), DWORD()
        status = self._netapi.NetUserEnum(
            None, 20, _NORMAL, byref(buffer), _EVERYTHING, byref(read), byref(total), None
        )
        _checked("NetUserEnum", 0 if status == _MORE else status)
        try:
            rows = (_Account * min(read.value, MAX_ACCOUNTS)).from_address(buffer.value or 0) if read.value else ()
            return [
                {
                    "name": row.name,
                    "rid": row.rid,
                    "disabled": bool(row.flags & _DISABLED),
                    "locked": bool(row.flags & _LOCKED),
                    "no_password": bool(row.flags & _NO_PASSWORD),
                    "never_expires": bool(row.flags & _NEVER_EXPIRES),
                }
                for row in rows
            ]
        finally:
            self._netapi.NetApiBufferFree(buffer)

    def administrators(self) -> list[dict[str, str]]:
        """Return the members of the group S-1-5-32-544, whatever it is called, by SID and name."""
        buffer, read, total = c_void_p(), DWORD(), DWORD()
        status = self._netapi.NetLocalGroupGetMembers(
            None, self._name_of(ADMINISTRATORS), 2, byref(buffer), _EVERYTHING, byref(read), byref(total), None
        )
        _checked("NetLocalGroupGetMembers", 0 if status == _MORE else status)
        try:
            rows = (_Member * min(read.value, MAX_ACCOUNTS)).from_address(buffer.value or 0) if read.value else ()
            return [{"sid": self._text_of(row.sid), "name": row.name or ""} for row in rows]
        finally:
            self._netapi.NetApiBufferFree(buffer)

    def _name_of(self, text: str) -> str:
        sid = c_void_p()
        if not self._advapi.ConvertStringSidToSidW(text, byref(sid)):
            raise failed("ConvertStringSidToSidW")
        name, domain = create_unicode_buffer(256), create_unicode_buffer(256)
        sizes, use = (DWORD(256), DWORD(256)), DWORD()
        try:
            if not self._advapi.LookupAccountSidW(
                None, sid, name, byref(sizes[0]), domain, byref(sizes[1]), byref(use)
            ):
                raise failed("LookupAccountSidW")
        finally:
            self._kernel.LocalFree(sid)
        return name.value

    def _text_of(self, sid: int) -> str:
        text = c_void_p()
        if not self._advapi.ConvertSidToStringSidW(c_void_p(sid), byref(text)):
            raise failed("ConvertSidToStringSidW")
        try:
            return cast(text, LPWSTR).value or ""
        finally:
            self._kernel.LocalFree(text)


def audit(advapi: Library) -> dict[str, int]:
    """Return the audit policy of the asked subcategories: bit 0 success, bit 1 failure."""
    wanted = (ctypes.c_byte * (16 * len(AUDITED))).from_buffer_copy(b"".join(UUID(each).bytes_le for each in AUDITED))
    buffer = c_void_p()
    if not advapi.AuditQuerySystemPolicy(wanted, len(AUDITED), byref(buffer)):
        error = failed("AuditQuerySystemPolicy")
        raise PermissionError(*error.args) if error.errno in {_DENIED, _NO_PRIVILEGE} else error
    try:
        rows = (_Audit * len(AUDITED)).from_address(buffer.value or 0)
        return {str(UUID(bytes_le=bytes(row.subcategory))): row.setting & 0x3 for row in rows}
    finally:
        advapi.AuditFree(buffer)


def _checked(what: str, status: int) -> None:
    if status == _DENIED:
        raise PermissionError(status, what)
    if status:
        raise failed(what, status)


def authorities() -> list[str]:
    """Return the machine's trusted root authorities as base64 of DER."""
    enumerate_ = importlib.import_module("ssl").enum_certificates
    return [b64encode(der).decode() for der, encoding, _ in enumerate_("ROOT") if encoding == "x509_asn"]


def _accounts() -> Accounts:
    return Accounts(load("netapi32.dll", NETAPI), load("advapi32.dll", ADVAPI), load("kernel32.dll", KERNEL))


def _channels() -> list[dict[str, str | int]]:
    from agent.sensors.windows import channelstates  # noqa: PLC0415 (the sensors read the inventory's package)

    return channelstates.told()


CALLS: Mapping[str, Callable[[], Any]] = {
    "modals": lambda: _accounts().modals(),
    "accounts": lambda: _accounts().accounts(),
    "administrators": lambda: _accounts().administrators(),
    "password_rules": lambda: sam.password_rules(load("netapi32.dll", sam.NETAPI), load("samlib.dll", sam.SAM)),
    "own_certificates": lambda: certstore.own(load("crypt32.dll", certstore.CRYPT)),
    "audit": lambda: audit(load("advapi32.dll", AUDIT)),
    "authorities": authorities,
    "channels": _channels,
}
"""The calls of Windows by name. Each loads what it needs, so that a function which is missing costs one call alone."""
