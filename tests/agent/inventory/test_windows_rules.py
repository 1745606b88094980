"""Password rules and the machine's own certificates, asked of libraries that stand in for those of Windows."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from agent.inventory.windows import certstore, sam
from agent.inventory.windows.machine import SECTIONS
from tests.agent.inventory.facts import items


class Sam:
    """netapi32 and samlib of a computer that wants 14 characters; what was opened must be closed."""

    def __init__(self, properties: int = 1, status: int = 0) -> None:
        self.properties, self.status = properties, status
        self.open: list[int] = []
        self.freed = 0
        self._kept: list[Any] = []

    def _give(self, where: Any, made: Any) -> None:
        self._kept.append(made)
        where._obj.value = ctypes.addressof(made)

    def NetUserModalsGet(self, _server: None, level: int, where: Any) -> int:
        assert level == 2
        self._give(where, sam._Domain("SEKRETARIAT", 77))
        return 0

    def NetApiBufferFree(self, _buffer: Any) -> None:
        self.freed += 1

    def SamConnect(self, _server: None, where: Any, _access: int, attributes: Any) -> int:
        assert attributes._obj.length == ctypes.sizeof(sam._Attributes)
        where._obj.value = 1
        self.open.append(1)
        return 0

    def SamOpenDomain(self, server: Any, _access: int, domain: int, where: Any) -> int:
        assert (server.value, domain) == (1, 77)
        if self.status:
            return self.status
        where._obj.value = 2
        self.open.append(2)
        return 0

    def SamQueryInformationDomain(self, domain: Any, kind: int, where: Any) -> int:
        assert (domain.value, kind) == (2, 1)
        self._give(where, sam._Rules(14, 24, self.properties))
        return 0

    def SamFreeMemory(self, _buffer: Any) -> None:
        self.freed += 1

    def SamCloseHandle(self, handle: Any) -> None:
        self.open.remove(handle.value)


@pytest.mark.parametrize(("properties", "complex_"), [(0, False), (1, True), (0x10, False), (0x11, True)])
def test_complexity_is_one_bit_of_the_rules(properties: int, complex_: bool) -> None:
    library = Sam(properties)
    assert sam.password_rules(library, library) == {"min_length": 14, "complex": complex_}
    assert (library.open, library.freed) == ([], 2)


@pytest.mark.parametrize(("status", "kind"), [(0xC0000022, PermissionError), (0xC00000DF, OSError)])
def test_a_refusal_is_told_from_a_failure_and_nothing_stays_open(status: int, kind: type[OSError]) -> None:
    library = Sam(status=status)
    with pytest.raises(kind):
        sam.password_rules(library, library)
    assert library.open == []


DER = b"certificate"


class Crypt:
    """crypt32 of a computer with one certificate."""

    def __init__(self, there: bool = True) -> None:
        self.there, self.open = there, 0
        self._serial = ctypes.create_string_buffer(b"\x34\x12", 2)
        self._der = ctypes.create_string_buffer(DER, len(DER))
        info = certstore._Info()
        info.serial = certstore._Blob(2, ctypes.addressof(self._serial))
        info.subject, info.issuer = certstore._Blob(1, None), certstore._Blob(2, None)
        moment = (1_800_000_000 + 11_644_473_600) * 10_000_000
        info.not_after = certstore._Time(moment & 0xFFFFFFFF, moment >> 32)
        self._info = info
        self._context = certstore._Context(1, ctypes.addressof(self._der), len(DER), ctypes.pointer(info), None)

    def CertOpenStore(self, _by: int, _type: int, _none: None, flags: int, name: str) -> int | None:
        assert (flags & 0x28000, name) == (0x28000, "MY")
        self.open += self.there
        return 9 if self.there else None

    def CertEnumCertificatesInStore(self, _store: int, before: int | None) -> int | None:
        return ctypes.addressof(self._context) if before is None else None

    def CertNameToStrW(self, _encoding: int, blob: Any, _kind: int, text: Any, size: int) -> int:
        text.value = "CN=dziennik.gmina.pl" if blob._obj.size == 1 else "CN=Urząd CA"
        return min(size, len(text.value))

    def CertCloseStore(self, _store: int, _flags: int) -> int:
        self.open -= 1
        return 1


def test_the_machines_own_certificates_are_told_with_their_end() -> None:
    crypt = Crypt()
    (one,) = certstore.own(crypt)
    assert (one["subject"], one["issuer"], one["serial"]) == ("CN=dziennik.gmina.pl", "CN=Urząd CA", "1234")
    assert (one["not_after"], len(one["sha256"]), crypt.open) == (1_800_000_000, 64, 0)
    section = next(section for section in SECTIONS if section.name == "certificate")
    ((key, fields),) = items(section, authorities=[], own=[one]).items()
    assert key == f"my:{one['sha256']}"
    assert (fields["x509.not_after"], fields["inventory.own"]) == (1_800_000_000, True)


def test_a_store_that_cannot_be_opened_is_an_error_and_no_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for code, kind in ((5, PermissionError), (1168, OSError)):
        monkeypatch.setattr(certstore, "last_error", lambda code=code: code)
        monkeypatch.setattr(certstore, "failed", lambda what, code=code: OSError(code, what))
        with pytest.raises(kind):
            certstore.own(Crypt(there=False))
    monkeypatch.setattr(certstore, "last_error", lambda: 2)
    assert certstore.own(Crypt(there=False)) == []
