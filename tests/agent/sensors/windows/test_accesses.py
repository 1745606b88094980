"""Who wrote to a file, as the event log tells."""

from __future__ import annotations

import pytest

from agent.fim.entries import Entry
from agent.fim.watch import Who
from agent.sensors.windows.accesses import GONE, MAX_KEPT, MAX_NAMES, NEAR, Accesses
from agent.wire.event import Record

AT = 1_795_300_000_000_000
HOSTS = "C:/Windows/System32/drivers/etc/hosts"
SID = "S-1-5-21-1-2-3-1001"


def access(mask: str = "0x2", path: str = r"C:\Windows\System32\drivers\etc\HOSTS", **fields: str) -> Record:
    return {
        "@timestamp": AT, "Channel": "Security", "EventID": "4663", "ObjectType": "File", "ObjectName": path,
        "ProcessName": r"C:\Windows\notepad.exe", "ProcessId": "0x11", "AccessMask": mask, "SubjectUserSid": SID,
        "SubjectUserName": "ewa", **fields,
    }  # fmt: skip


def state(ctime: int) -> Entry:
    return Entry(0, 0, 0, 0, 0, ctime * 1000, 1)


def test_a_written_file_has_its_writer_near_the_time_of_its_change() -> None:
    accesses = Accesses(lambda number, program: f"{number} {program[-11:]}")
    accesses.note(access())
    who = accesses.find(HOSTS, state(AT + NEAR), AT)
    assert who == Who(17, r"C:\Windows\notepad.exe", "17 notepad.exe", SID)
    assert accesses.name(SID) == "ewa"
    assert accesses.find(HOSTS, state(AT + NEAR + 1), AT) is None
    assert accesses.find(HOSTS + "2", state(AT), AT) is None


def test_a_file_that_is_gone_has_who_was_let_to_delete_it() -> None:
    accesses = Accesses()
    accesses.note(access())
    assert accesses.find(HOSTS, None, AT) is None
    accesses.note(access("0x10000", r"\Device\HarddiskVolume3\Windows\System32\drivers\etc\hosts"))
    assert accesses.find(HOSTS, None, AT + GONE) is not None
    assert accesses.find(HOSTS, None, AT + GONE + 1) is None


@pytest.mark.parametrize(
    "record",
    [access("0x1"), access("0x120089"), access("no"), access(ObjectType="Key"), access(Channel="Other"),
     access(EventID="4656"), access(path=""), access() | {"@timestamp": "x"}, {}],
)  # fmt: skip
def test_reading_and_other_things_are_no_writing(record: Record) -> None:
    accesses = Accesses()
    accesses.note(record)
    assert accesses.find(HOSTS, state(AT), AT) is None


def test_changed_rights_and_what_sysmon_tells_are_known_too() -> None:
    accesses = Accesses()
    accesses.note(access(EventID="4670"))
    assert accesses.find(HOSTS, state(AT), AT) is not None
    assert accesses.find(HOSTS, None, AT) is None
    for code, after in (("11", state(AT)), ("23", None)):
        accesses.note({
            "@timestamp": AT, "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": code, "ProcessId": "9",
            "Image": r"C:\x.exe", "TargetFilename": rf"C:\{code}",
        })  # fmt: skip
        assert accesses.find(f"C:/{code}", after, AT) == Who(9, r"C:\x.exe")


def test_what_is_remembered_is_bounded() -> None:
    accesses = Accesses()
    for number in range(MAX_KEPT + 1):
        accesses.note(access(path=rf"C:\{number}", SubjectUserSid=f"S-1-{number}"))
    assert accesses.find("C:/0", state(AT), AT) is None
    assert accesses.find("C:/1", state(AT), AT) is not None
    assert [accesses.name(f"S-1-{number}") for number in (MAX_KEPT - MAX_NAMES, MAX_KEPT)] == [None, "ewa"]
