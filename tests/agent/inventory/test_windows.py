"""A Windows host: its registry, its libraries, its script, and each section, also from facts of Polish systems."""

from __future__ import annotations

import ctypes
import json
import re
from ctypes import c_uint32 as DWORD  # noqa: N812 (its name on Windows)
from typing import Any
from uuid import UUID

import pytest

from agent.inventory import here
from agent.inventory.raw import Raw, Registry, Script, Unknown
from agent.inventory.windows import SECTIONS, native
from agent.inventory.windows.registry import RegistryReader
from agent.inventory.windows.script import FILE, ScriptReader
from agent.posture.windows import CHECKS
from agent.wire import inventory
from tests.agent.inventory.facts import items
from tests.agent.inventory.registry import FakeRegistry

BY_NAME = {section.name: section for section in SECTIONS}


def test_every_section_is_one_of_the_wires_and_is_collected_once() -> None:
    assert sorted(section.name for section in SECTIONS) == sorted(inventory.SECTIONS)
    assert here.plan("win32").sections == SECTIONS


def test_the_registry_is_read_as_deep_as_asked_and_what_is_closed_is_left_out() -> None:
    tree = {"SOFTWARE": {"A": {"Wartość": "ż", "B": {"n": 1, "C": {}}, "Ukryty": {"x": 1}}}}
    read = RegistryReader(FakeRegistry({"HKLM": tree, "HKU": {}}, frozenset({"Ukryty"})))
    assert read(Registry("HKLM\\SOFTWARE\\A", 1)).value == {
        "values": {"Wartość": "ż"}, "keys": {"B": {"values": {"n": 1}}},
    }  # fmt: skip
    assert read(Registry("HKLM\\SOFTWARE\\Nie")).problem == "absent"
    assert read(Registry("HKLM\\SOFTWARE\\A\\Ukryty")).problem == "denied"


def test_a_path_below_every_profile() -> None:
    run = {"SOFTWARE": {"Run": {"OneDrive": "C:\\o.exe"}}}
    read = RegistryReader(FakeRegistry({"HKLM": {}, "HKU": {"S-1-5-21-1-1001": run, ".DEFAULT": {}}}))
    found = read(Registry("HKU\\*\\SOFTWARE\\Run")).value
    assert found["keys"] == {"S-1-5-21-1-1001": {"values": {"OneDrive": "C:\\o.exe"}}}


class Libraries:
    """The functions of netapi32, advapi32 and kernel32 that are asked, on a Polish Windows."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.freed: list[int] = []
        self._kept: list[Any] = []

    def _give(self, where: Any, made: Any) -> None:
        self._kept.append(made)
        where._obj.value = ctypes.addressof(made)

    def NetUserModalsGet(self, _server: None, level: int, where: Any) -> int:
        self._give(where, (DWORD * 5)(14, 0, 0, 0, 24) if level == 0 else (DWORD * 3)(1800, 1800, 5))
        return self.status

    def NetUserEnum(
        self, _s: None, _level: int, _filter: int, where: Any, _m: int, read: Any, _t: Any, _r: None
    ) -> int:
        rows = (native._Account * 2)()
        rows[0].name, rows[0].flags, rows[0].rid = "Administrator", 0x10202, 500
        rows[1].name, rows[1].flags, rows[1].rid = "Żaneta", 0x200, 1001
        self._give(where, rows)
        read._obj.value = 2
        return self.status

    def NetLocalGroupGetMembers(
        self, _s: None, name: str, _level: int, where: Any, _m: int, read: Any, _t: Any, _r: None
    ) -> int:
        assert name == "Administratorzy"
        rows = (native._Member * 1)()
        rows[0].sid, rows[0].name = 77, "SEKRETARIAT\\Żaneta"
        self._give(where, rows)
        read._obj.value = 1
        return self.status

    def NetApiBufferFree(self, buffer: Any) -> None:
        self.freed.append(buffer.value)

    def ConvertStringSidToSidW(self, text: str, where: Any) -> bool:
        assert text == "S-1-5-32-544"
        where._obj.value = 544
        return True

    def LookupAccountSidW(self, _s: None, sid: Any, name: Any, *_: Any) -> bool:
        name.value = "Administratorzy" if sid.value == 544 else ""
        return True

    def ConvertSidToStringSidW(self, sid: Any, where: Any) -> bool:
        assert sid.value == 77
        self._give(where, ctypes.create_unicode_buffer("S-1-5-21-1-2-3-1001"))
        return True

    def AuditQuerySystemPolicy(self, wanted: Any, count: int, where: Any) -> bool:
        rows = (native._Audit * count)()
        for number in range(count):
            part = bytes(wanted)[16 * number : 16 * number + 16]
            ctypes.memmove(ctypes.addressof(rows[number]), part, 16)
            rows[number].setting = number + 1
        self._give(where, rows)
        return not self.status

    def AuditFree(self, buffer: Any) -> None:
        self.freed.append(buffer.value)

    def LocalFree(self, buffer: Any) -> None:
        self.freed.append(buffer.value)


def test_accounts_groups_and_policies_come_by_numbers_and_every_buffer_is_given_back() -> None:
    libraries = Libraries()
    accounts = native.Accounts(libraries, libraries, libraries)
    assert accounts.modals() == {"min_length": 14, "max_age": 0, "history": 24, "lockout_threshold": 5}
    told = {each["rid"]: (each["name"], each["disabled"], each["never_expires"]) for each in accounts.accounts()}
    assert told == {500: ("Administrator", True, True), 1001: ("Żaneta", False, False)}
    assert accounts.administrators() == [{"sid": "S-1-5-21-1-2-3-1001", "name": "SEKRETARIAT\\Żaneta"}]
    assert native.audit(libraries) == dict(zip(native.AUDITED, (1, 2), strict=True))
    assert all(UUID(each) for each in native.AUDITED)
    assert len(libraries.freed) == 7


def test_a_refusal_is_told_from_a_failure() -> None:
    for status, kind in ((5, PermissionError), (2221, OSError)):
        libraries = Libraries(status)
        accounts = native.Accounts(libraries, libraries, libraries)
        with pytest.raises(kind):
            accounts.modals()
        with pytest.raises(kind):
            accounts.administrators()
    with pytest.raises(OSError, match="AuditQuerySystemPolicy"):
        native.audit(Libraries(5))


def test_the_script_is_ascii_tells_every_part_that_is_asked_and_runs_once() -> None:
    text = FILE.read_bytes().decode("ascii")
    parts = set(re.findall(r"^Tell(?:All)? '(\w+)'", text, re.MULTILINE))
    tables = [section.sources for section in SECTIONS] + [check.sources for check in CHECKS]
    sources = [source for table in tables for source in table.values()]
    assert {source.part for source in sources if isinstance(source, Script)} == parts
    assert text.startswith("& {")
    assert text.endswith("}\n\n")
    runs: list[int] = []
    answer = {
        "tpm": {"value": {"present": False}},
        "bios": {"error": "AccessDenied"},
        "updates": {"error": "0x8024402C"},
    }

    def run() -> Raw:
        runs.append(1)
        return Raw({"code": 0, "out": "\ufeff" + json.dumps({**answer, "defender": {"error": "InvalidNamespace"}})})

    read = ScriptReader(run)
    assert read(Script("tpm")) == Raw({"present": False})
    assert read(Script("bios")).problem == "denied"
    assert read(Script("updates")) == Raw("0x8024402C", "failed")
    assert read(Script("defender")).problem == "absent"
    assert read(Script("apps")).problem == "failed"
    assert len(runs) == 1
    assert ScriptReader(lambda: Raw(None, "timeout"))(Script("tpm")).problem == "timeout"
    wrapped = 'WARNING: x\r\n{"tpm": {"value": {"present"\r\n: false}}}\r\n'
    assert ScriptReader(lambda: Raw({"code": 0, "out": wrapped}))(Script("tpm")) == Raw({"present": False})
    for broken in ("", "[]", "nie", "}{", '{"tpm": 5}'):
        assert ScriptReader(lambda out=broken: Raw({"code": 1, "out": out}))(Script("tpm")).problem == "failed"  # type: ignore[misc] # bound now


def test_programs_of_the_machine_and_of_people_without_parts_and_patches() -> None:
    found = items(
        BY_NAME["software"],
        machine={"values": {}, "keys": {
            "{P}": {"values": {"DisplayName": "Płatnik", "DisplayVersion": "10.02.002", "Publisher": "Asseco"}},
            "KB1": {"values": {"DisplayName": "Aktualizacja", "ParentKeyName": "x"}},
            "C": {"values": {"DisplayName": "Część", "SystemComponent": 1}}, "E": {"values": {}},
        }},
        users={"values": {}, "keys": {"S-1-5-21-1": {"keys": {"Z": {"values": {"DisplayName": "Zoom"}}}}}},
    )  # fmt: skip
    assert {key: fields["package.name"] for key, fields in found.items()} == {
        "machine:{P}": "Płatnik", "S-1-5-21-1:Z": "Zoom",
    }  # fmt: skip
    assert found["S-1-5-21-1:Z"]["user.id"] == "S-1-5-21-1"


def test_services_without_drivers_and_autoruns_without_secrets() -> None:
    services = {"values": {}, "keys": {
        "Spooler": {"values": {"Type": 0x110, "Start": 2, "ObjectName": "LocalSystem", "ImagePath": "spoolsv.exe"}},
        "disk": {"values": {"Type": 1, "Start": 0}},
    }}  # fmt: skip
    assert {key: fields["service.state"] for key, fields in items(BY_NAME["service"], services=services).items()} == {
        "Spooler": "auto"
    }
    found = items(
        BY_NAME["autorun"],
        run={"values": {"Kopia": "kopia.exe --password=Tajne1"}},
        run_users={"values": {}, "keys": {"S-1-5-21-1": {"values": {"OneDrive": "o.exe"}}}},
        tasks=[{"path": "\\Kopia nocna", "user": "SYSTEM", "command": "powershell.exe -File k.ps1"}],
    )
    assert set(found) == {"run:kopia", "S-1-5-21-1:onedrive", "task:\\Kopia nocna"}
    assert "Tajne1" not in json.dumps(found)
    with pytest.raises(Unknown, match="timeout"):
        items(BY_NAME["autorun"], tasks="!timeout")


def test_the_machine_its_system_disks_usb_and_time() -> None:
    machine = {
        "memory": 16 << 30,
        "cores": 4,
        "threads": 8,
        "architecture": "AMD64",
        "cards": {"Połączenie": ["AA-BB"]},
    }
    hardware = items(
        BY_NAME["hardware"],
        machine=machine,
        bios={"values": {"SystemManufacturer": "LENOVO"}},
        serial={"serial": "PF1 "},
    )
    assert hardware["machine"] == {"device.manufacturer": "LENOVO", "device.serial_number": "PF1"}
    version = {"CurrentBuild": "26100", "UBR": 4946, "EditionID": "Professional", "DisplayVersion": "24H2"}
    log = {"path": "Security", "state": "on", "max_bytes": 20971520, "retention": "overwrite"}
    name = {"values": {"Hostname": "SEKRETARIAT"}}
    system = items(BY_NAME["system"], windows={"values": version}, name=name, channels=[log])
    assert system["event_log:Security"]["inventory.retention"] == "overwrite"
    assert "names" in items(BY_NAME["system"], windows={"values": version}, name=name, channels="!failed")
    assert (system["os"]["os.version"], system["os"]["os.kernel"]) == ("10.0.26100", "26100.4946")
    disks = items(
        BY_NAME["disk"], disks=[{"model": "SSD", "serial": " S1", "bytes": 5, "bus": "SCSI"}],
        volumes=[{"letter": "C:", "protection": 1, "type": 0}],
    )  # fmt: skip
    assert disks["C:"]["inventory.encrypted"] is True
    storage = {
        "values": {},
        "keys": {"Disk&Ven_X": {"values": {}, "keys": {"4C53&0": {"values": {"FriendlyName": "X USB"}}}}},
    }
    assert items(BY_NAME["usb_device"], storage=storage)["Disk&Ven_X:4C53&0"]["device.model.name"] == "X USB"
    time = items(BY_NAME["time_source"], parameters={"values": {"Type": "NTP", "NtpServer": "time.windows.com,0x9"}})
    assert set(time) == {"clock", "server:time.windows.com"}


def test_accounts_administrators_updates_and_apps() -> None:
    account = {
        "name": "Gość",
        "rid": 501,
        "disabled": True,
        "locked": False,
        "no_password": True,
        "never_expires": True,
    }
    assert items(BY_NAME["account"], accounts=[account])["501"]["inventory.disabled"] is True
    members = items(BY_NAME["group_member"], members=[{"sid": "S-1-5-21-1-500", "name": "PC\\Administrator"}])
    assert members["S-1-5-32-544:S-1-5-21-1-500"]["user.name"] == "PC\\Administrator"
    update = {
        "title": "Aktualizacja",
        "kb": ["505"],
        "classes": ["0FA1201D-4330-4FA8-8AE9-B877473B6441"],
        "severity": "",
    }
    assert items(BY_NAME["update"], updates=[update])["Aktualizacja"]["inventory.security"] is True
    app = {"name": "Microsoft.Paint", "version": "11", "publisher": "8wek", "architecture": "X64"}
    assert set(items(BY_NAME["package"], apps=[app])) == {"Microsoft.Paint_X64_8wek"}
