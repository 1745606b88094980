"""A finding on the wire."""

from __future__ import annotations

import stat
from functools import partial

import pytest

from agent.fim.entries import Change, Entry, compare
from agent.fim.packages import Doing, package_at
from agent.fim.records import Host, record_of
from agent.fim.watch import Finding, Who
from agent.wire.envelope import encode_record

HOST = Host("linux", "b1", {"0": "root", "1000": "ewa"}.get)
BEFORE = Entry(stat.S_IFREG | 0o644, 5, 0, 0, 10_000, 10_000, 7, "aa" * 32)
AFTER = BEFORE._replace(size=6, mtime=20_000_000, ctime=30_000_000, sha256="bb" * 32, uid=1000)
NOW = 1_000_000_000
DPKG = Who(9, "/usr/bin/sh", "sh postinst", "0", ("/usr/bin/dpkg",))


def nothing(_moment: float) -> str:
    """Tell that no package was installed."""
    return ""


def finding(path: str = "/etc/x", who: Who | None = None, *, live: bool = True) -> Finding:
    change = compare(BEFORE, AFTER)
    assert change is not None
    return Finding(path, change, BEFORE, AFTER, who, live)


def test_before_and_after_stand_beside_each_other() -> None:
    record = record_of(
        finding(who=Who(9, "/usr/bin/tee", "tee /etc/x", "1000", ("/usr/bin/bash",))), HOST, nothing, "", NOW
    )
    assert record["event.action"] == "file_modified"
    assert record["fim.changed"] == ["content", "owner"]
    assert (record["file.hash.sha256"], record["fim.before.sha256"]) == ("bb" * 32, "aa" * 32)
    assert (record["file.owner"], record["fim.before.owner"], record["file.mode"]) == ("ewa", "root", "0644")
    assert (record["user.name"], record["process.executable"], record["process.pid"]) == ("ewa", "/usr/bin/tee", 9)
    assert record["process.parent.executable"] == "/usr/bin/bash"
    assert (record["@timestamp"], record["file.mtime"]) == (NOW, 20_000)
    assert record["fim.by_package_manager"] is False
    assert encode_record(record)


def test_a_change_found_by_a_round_has_the_time_of_the_inode_and_nobody() -> None:
    record = record_of(finding(live=False), HOST, nothing, "", NOW)
    assert record["@timestamp"] == 30_000
    assert not [name for name in record if name.startswith(("process.", "user."))]
    future = finding(live=False)._replace(after=AFTER._replace(ctime=NOW * 1_000_000))
    assert record_of(future, HOST, nothing, "", NOW)["@timestamp"] == NOW


def test_the_same_finding_has_the_same_id_whoever_saw_it_and_another_one_another() -> None:
    live, later = (
        record_of(finding(who=DPKG), HOST, nothing, "", NOW),
        record_of(finding(live=False), HOST, nothing, "", NOW + 9),
    )
    assert live["event.id"] == later["event.id"]
    others = [
        record_of(finding("/etc/y"), HOST, nothing, "", NOW),
        record_of(finding(), HOST._replace(baseline="b2"), nothing, "", NOW),
        record_of(finding()._replace(after=AFTER._replace(ctime=5)), HOST, nothing, "", NOW),
        record_of(finding()._replace(after=None, change=Change("file_deleted")), HOST, nothing, "", NOW),
    ]
    assert len({live["event.id"], *(other["event.id"] for other in others)}) == 5


@pytest.mark.parametrize(
    ("who", "live", "at", "package"),
    [
        (DPKG, True, NOW / 1e6, "cron"),
        (DPKG._replace(executable="/usr/bin/dpkg", parents=()), True, NOW / 1e6, "cron"),
        (DPKG._replace(parents=("/usr/bin/bash",)), True, NOW / 1e6, None),
        (None, False, 0.03, "cron"),
        (None, False, NOW / 1e6, None),
    ],
)
def test_the_package_manager_is_told_from_others(who: Who | None, live: bool, at: float, package: str | None) -> None:
    record = record_of(finding(who=who, live=live), HOST, partial(package_at, [Doing(at, "cron")]), "", NOW)
    assert record["fim.by_package_manager"] is (package is not None)
    assert record.get("package.name") == package


def test_names_that_are_no_utf8_travel_as_text() -> None:
    record = record_of(finding("/etc/caf\udce9"), HOST, nothing, "/etc/\udcff", NOW)
    assert (record["file.path"], record["fim.moved_from"]) == ("/etc/caf\\xe9", "/etc/\\xff")
    assert encode_record(record)


def test_a_file_of_windows_has_its_path_attributes_and_rights() -> None:
    before = BEFORE._replace(mode=stat.S_IFREG, rights="O:BAD:(A;;FA;;;SY)")
    after = before._replace(mode=stat.S_IFREG | 6, ctime=NOW, rights="O:BAD:(A;;FA;;;WD)")
    change = compare(before, after)
    assert change == Change("file_attributes", ("mode", "rights"))
    found = Finding("C:/Windows/\ud800/hosts", change, before, after, None, live=True)
    record = record_of(found, Host("windows", "b1", lambda _sid: None), nothing, "", NOW)
    assert record["file.path"] == r"C:\Windows\\xed\xa0\x80\hosts"
    assert record["file.attributes"] == ["hidden", "system"]
    assert (record["fim.rights"], record["fim.before.rights"]) == (after.rights, before.rights)
    assert not {"file.mode", "file.uid", "file.owner", "fim.before.mode", "fim.before.attributes"} & set(record)
    assert encode_record(record)
