"""What is added to a program start: from its file, from the starts before it, never from elsewhere."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path, PureWindowsPath

import pytest

from agent.sensors.windows import enrich
from agent.sensors.windows.alive import Alive
from agent.sensors.windows.enrich import MAX_KEPT_PROCESSES, Enricher, facts_of
from agent.wire.event import Record

FACTS = {"OriginalFileName": "Cmd.Exe", "Company": "Microsoft Corporation", "Hashes": "MD5=1,SHA256=2"}


def start(image: str, number: int, parent: int, parent_image: str = "", command: str = "", **others: str) -> Record:
    return {
        "EventID": "4688", "Channel": "Security", "NewProcessName": image, "NewProcessId": hex(number),
        "ProcessId": hex(parent), "ParentProcessName": parent_image, "CommandLine": command,
        "SubjectDomainName": "URZAD", "SubjectUserName": "anna", "TargetUserSid": "S-1-0-0",
        "@timestamp": time.time_ns() // 1000, **others,
    }  # fmt: skip


class Disk:
    """The enricher's way to files: which were opened, by the names that Windows has for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.asked: list[Path] = []
        self.folder = folder
        stat = Path.stat

        def found(path: Path, **options: bool) -> os.stat_result:
            local = PureWindowsPath(str(path))
            return stat(folder / local.name if local.drive else path, **options)

        monkeypatch.setattr(Path, "stat", found)

    def facts(self, path: Path) -> dict[str, str]:
        self.asked.append(path)
        return dict(FACTS)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    (tmp_path / "cmd.exe").write_bytes(b"MZ")
    return Disk(monkeypatch, tmp_path)


def test_the_file_is_read_once_and_told_each_time(disk: Disk) -> None:
    enricher = Enricher(disk.facts)
    for number in (100, 104):
        record = start(r"C:\Windows\System32\cmd.exe", number, 4)
        enricher.enrich(record)
        assert {name: record[name] for name in FACTS} == FACTS
    assert len(disk.asked) == 1


def test_a_file_that_changed_since_the_start_says_nothing(disk: Disk) -> None:
    record = start(r"C:\cmd.exe", 100, 4) | {"@timestamp": time.time_ns() // 1000 - 60_000_000}
    Enricher(disk.facts).enrich(record)
    assert "Hashes" not in record
    assert not disk.asked


@pytest.mark.parametrize("image", [r"\\evil\share\cmd.exe", r"\Device\Mup\evil\cmd.exe", "cmd.exe", "", r"C:\gone.exe"])
def test_neither_the_network_nor_what_is_gone_is_opened(disk: Disk, image: str) -> None:
    record = start(image, 100, 4)
    Enricher(disk.facts).enrich(record)
    assert "Hashes" not in record
    assert not disk.asked


def test_the_parent_is_known_from_its_own_start(disk: Disk) -> None:
    enricher = Enricher(disk.facts)
    enricher.enrich(start(r"C:\x\winword.exe", 500, 4, command='"winword.exe" /n list.docx'))
    child = start(r"C:\cmd.exe", 504, 500, r"C:\X\WINWORD.EXE")
    enricher.enrich(child)
    assert child["ParentCommandLine"] == '"winword.exe" /n list.docx'
    assert child["ParentUser"] == r"URZAD\anna"


def test_a_number_that_is_used_again_names_no_false_parent(disk: Disk) -> None:
    enricher = Enricher(disk.facts)
    enricher.enrich(start(r"C:\x\winword.exe", 500, 4, command="winword"))
    child = start(r"C:\cmd.exe", 504, 500, r"C:\Windows\explorer.exe")
    enricher.enrich(child)
    assert "ParentCommandLine" not in child


def test_the_parent_is_known_when_it_ran_before_the_agent(disk: Disk) -> None:
    enricher, now = Enricher(disk.facts), time.time_ns() // 1000
    enricher.enrich(start(r"C:\seen.exe", 700, 4, command="seen", SubjectUserName="jan"))
    running = [
        Alive(500, r"C:\x\WINWORD.EXE", "winword /n list.docx", r"URZAD\anna", now - 9),
        Alive(600, r"C:\late.exe", "late", r"URZAD\anna", now + 60_000_000),
        Alive(700, r"C:\seen.exe", "else", "", 1),
    ]
    enricher.fill(running)
    for parent, image, command in ((500, r"c:\X\winword.exe", "winword /n list.docx"), (700, r"C:\seen.exe", "seen")):
        child = start(r"C:\cmd.exe", 504, parent, image)
        enricher.enrich(child)
        assert child["ParentCommandLine"] == command
    child = start(r"C:\cmd.exe", 508, 600, r"C:\late.exe")
    enricher.enrich(child)
    assert "ParentCommandLine" not in child, "a number that was used again"


def test_an_old_event_without_the_parents_name_gets_it(disk: Disk) -> None:
    enricher = Enricher(disk.facts)
    target = {"TargetUserSid": "S-1-5-21-1", "TargetDomainName": "URZAD", "TargetUserName": "jan"}
    enricher.enrich(start(r"C:\a.exe", 500, 4, command="a", **target))
    child = start(r"C:\cmd.exe", 504, 500)
    del child["ParentProcessName"]
    enricher.enrich(child)
    assert (child["ParentProcessName"], child["ParentUser"]) == (r"C:\a.exe", r"URZAD\jan")


def test_only_program_starts_of_windows_are_touched_and_none_beside_sysmon(disk: Disk) -> None:
    enricher = Enricher(disk.facts)
    changes: list[Record] = [{"EventID": "4689"}, {"Channel": "Other"}, {"NewProcessId": "x", "@timestamp": 0}]
    for change in changes:
        record = start(r"C:\gone.exe", 100, 4) | change
        before = dict(record)
        enricher.enrich(record)
        assert record == before
    enricher.wanted = False
    record = start(r"C:\cmd.exe", 100, 4)
    enricher.enrich(record)
    assert "Hashes" not in record


def test_what_is_kept_is_bounded(disk: Disk) -> None:
    enricher = Enricher(disk.facts)
    for number in range(MAX_KEPT_PROCESSES + 5):
        enricher.enrich(start(rf"C:\{number}.exe", number + 8, 4, command="c"))
    assert len(enricher._processes) == MAX_KEPT_PROCESSES
    assert 8 not in enricher._processes


def test_a_file_gives_its_hashes_and_a_large_one_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "a.exe"
    program.write_bytes(b"MZ" + bytes(3_000_000))
    data = program.read_bytes()
    md5, sha256 = hashlib.md5(data).hexdigest().upper(), hashlib.sha256(data).hexdigest().upper()
    assert facts_of(program) == {"Hashes": f"MD5={md5},SHA256={sha256}"}
    monkeypatch.setattr(enrich, "MAX_FILE", 2_999_999)
    assert facts_of(program) == {}
