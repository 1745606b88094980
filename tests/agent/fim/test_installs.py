"""Installations as the event log of Windows tells of them."""

from __future__ import annotations

import pytest

from agent.fim.installs import LONGEST, MAX_KEPT, MSI, NEAR, SERVICING, UPDATE, Installs, is_manager
from agent.wire.event import Record, Value

NOW = 1_000_000.0


def told(provider: str, code: int, at: float, **fields: Value) -> Record:
    return {"@timestamp": int(at * 1e6), "Provider_Name": provider, "EventID": str(code), **fields}


def test_an_msi_is_at_work_from_its_begin_to_its_end_and_has_its_products_name() -> None:
    installs = Installs()
    installs.note(told(MSI, 1040, NOW, Data=[r"C:\Temp\pakiet.msi", "17"]))
    assert installs.package_at(NOW + 300) == "pakiet.msi"
    installs.note(told(MSI, 1033, NOW + 200, Data=["7-Zip 24.09", "24.09", "1045", "0", "Igor Pavlov"]))
    installs.note(told(MSI, 1042, NOW + 201, Data=[r"C:\Temp\pakiet.msi", "17"]))
    found = [installs.package_at(NOW + after) for after in (-5, 0, 200, 201 + NEAR, 202 + NEAR)]
    assert found == ["", "7-Zip 24.09", "7-Zip 24.09", "7-Zip 24.09", ""]


@pytest.mark.parametrize(
    ("provider", "begin", "end", "field"),
    [(UPDATE, 43, 19, "updateTitle"), (SERVICING, 1, 2, "PackageIdentifier")],
)
def test_an_update_of_windows_is_known_by_its_end_even_when_nobody_saw_its_begin(
    provider: str, begin: int, end: int, field: str
) -> None:
    installs = Installs()
    installs.note(told(provider, begin, NOW, **{field: "KB5046613"}))
    assert installs.package_at(NOW + LONGEST) == "KB5046613"
    assert installs.package_at(NOW + LONGEST + 1) == ""
    installs.note(told(provider, end, NOW + 60, **{field: "KB5046613"}))
    assert installs.package_at(NOW + 300) == ""
    installs.note(told(provider, end, NOW + 9000, **{field: "KB1"}))
    assert [installs.package_at(NOW + 9000 - before) for before in (0, LONGEST, LONGEST + 2)] == ["KB1", "KB1", ""]


def test_what_is_kept_is_bounded() -> None:
    installs = Installs()
    for number in range(MAX_KEPT + 1):
        installs.note(told(UPDATE, 43, NOW + number, updateTitle=str(number)))
        installs.note(told(SERVICING, 2, NOW + number * 1e5, PackageIdentifier=str(number)))
    assert (len(installs._begun), len(installs._done)) == (MAX_KEPT, MAX_KEPT)


@pytest.mark.parametrize(
    "record",
    [{}, told("Other", 1040, NOW), told(MSI, 1040, NOW) | {"@timestamp": None}, told(MSI, 1042, NOW),
     told(MSI, 11, NOW, Data=[])],
)  # fmt: skip
def test_what_tells_of_no_installation_is_passed_over(record: Record) -> None:
    installs = Installs()
    installs.note(record)
    assert installs.package_at(NOW) == ""


@pytest.mark.parametrize(
    ("executable", "is_one"),
    [
        (r"C:\Windows\servicing\TrustedInstaller.exe", True),
        (r"C:\WINDOWS\system32\msiexec.exe", True),
        (r"C:\Windows\WinSxS\amd64_microsoft-windows-servicingstack_31bf3856ad364e35_10.0\TiWorker.exe", True),
        (r"C:\Users\x\msiexec.exe", False),
        (r"C:\Users\x\TiWorker.exe", False),
        ("", False),
    ],
)
def test_only_the_systems_own_installers_are_managers(executable: str, is_one: bool) -> None:
    assert is_manager(executable) is is_one
