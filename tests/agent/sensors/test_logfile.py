"""The log file sensor on real files and a real inotify, and the journal sensor on a real child process."""

from __future__ import annotations

import json
import lzma
import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from agent.sensors import linux_sensors
from agent.sensors.journald import BOOKMARK, MAX_ENTRY, TRIES, JournalSensor, coming, command
from agent.sensors.logfile import LogFileSensor
from agent.wire.sending.sensor import Availability, Gap, Item, Reading, SensorLost
from agent.wire.sending.tail import LONGEST
from tests.agent.conditions import until

LINE = b"2026-11-22T11:59:01+01:00 h sshd[%d]: Accepted password for jan\n"


def readable(sensor: LogFileSensor | JournalSensor, seconds: float = 5.0) -> bool:
    return bool(select.select([sensor.fileno()], [], [], seconds)[0])


def everything(sensor: LogFileSensor) -> list[Item]:
    items = sensor.read()
    while sensor.wait() is not None:
        items += sensor.tick()
    return items


def pids(items: list[Item]) -> list[object]:
    return [item.record["process.pid"] for item in items if isinstance(item, Reading) and item.record]


def marks(items: list[Item]) -> dict[str, str]:
    return {item.bookmark.name: item.bookmark.value for item in items if isinstance(item, Reading) and item.bookmark}


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_new_lines_come_as_records_with_a_bookmark(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes(LINE % 1)
    sensor = LogFileSensor(tmp_path)
    first = sensor.open({})
    assert pids(first) == []
    append(log, LINE % 2 + b"2026-11-22T11:59:01+01:00 h kernel: no\n" + LINE % 3)
    assert readable(sensor)
    items = everything(sensor)
    assert pids(items) == [2, 3]
    sensor.close()
    append(log, LINE % 4)
    again = LogFileSensor(tmp_path)
    assert pids(again.open(marks(items))) == [4]
    again.close()


def test_the_same_line_has_the_same_id_and_another_place_another(tmp_path: Path) -> None:
    log = tmp_path / "secure"
    log.touch()
    ids: list[list[object]] = []
    for _ in range(2):
        sensor = LogFileSensor(tmp_path)
        first = sensor.open({})
        if not ids:
            append(log, LINE % 1 + LINE % 1)
            start = marks(first)
            items = everything(sensor)
        else:
            sensor.close()
            items = sensor.open(start)
        ids.append([item.record["event.id"] for item in items if isinstance(item, Reading) and item.record])
        sensor.close()
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_a_log_that_appears_later_and_one_that_rotates(tmp_path: Path) -> None:
    sensor = LogFileSensor(tmp_path)
    sensor.open({})
    log = tmp_path / "auth.log"
    log.write_bytes(LINE % 1)
    assert readable(sensor)
    assert pids(everything(sensor)) == [1]
    append(log, LINE % 2)
    log.rename(tmp_path / "auth.log.1")
    log.write_bytes(LINE % 3)
    assert readable(sensor)
    assert pids(everything(sensor)) == [2, 3]
    sensor.close()


def test_availability(tmp_path: Path) -> None:
    sensor = LogFileSensor(tmp_path, journal=tmp_path / "socket")
    assert sensor.availability().reason == "sensor.reason.no_log_files"
    (tmp_path / "auth.log").touch()
    assert sensor.availability().state == "on"
    (tmp_path / "socket").touch()
    assert sensor.availability().state == "off"


def test_the_environment_names_sensors_and_the_folder(tmp_path: Path) -> None:
    (tmp_path / "auth.log").touch()
    assert [sensor.about.name for sensor in linux_sensors(tmp_path, "b", {})] == [
        "audit", "journald", "logfile", "fim", "inventory",
    ]  # fmt: skip
    named = {"CZUJKA_AGENT_SENSORS": " logfile, nothing", "CZUJKA_AGENT_LOG_FOLDER": str(tmp_path)}
    (only,) = linux_sensors(tmp_path, "b", named)
    assert only.about.name == "logfile"
    assert only.availability().state == "on"


def test_a_log_that_went_away_is_a_known_loss(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes(LINE % 1)
    sensor = LogFileSensor(tmp_path)
    start = marks(sensor.open({}))
    sensor.close()
    log.unlink()
    log.write_bytes(LINE % 7)
    items = LogFileSensor(tmp_path)
    found = items.open(start)
    assert [item.cause for item in found if isinstance(item, Gap)] == ["log_rotated_away"]
    assert pids(found) == [7]
    items.close()


def test_a_log_that_was_emptied_and_a_line_too_long_are_known_losses(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes(LINE % 1)
    began = time.time_ns() // 1000
    sensor = LogFileSensor(tmp_path)
    sensor.open({})
    log.write_bytes(b"")
    append(log, LINE % 2 + b"x" * (LONGEST + 1) + b"\n")
    assert readable(sensor)
    items = everything(sensor)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert [(gap.cause, gap.lost) for gap in gaps] == [("log_truncated", 0), ("entry_too_long", 1)]
    assert all(began <= gap.first <= gap.last for gap in gaps)
    assert gaps[0].first < gaps[0].last
    assert pids(items) == [2]
    sensor.close()


def journal(tmp_path: Path, *entries: bytes) -> tuple[JournalSensor, Path]:
    """A program that behaves as journalctl: prints what there is once, notes how it was called, and stays or ends.

    The file `end` decides how it ends; else it does so only where it was not asked to follow.
    """
    (tmp_path / "entries").write_bytes(b"".join(entry + b"\n" for entry in entries))
    program = tmp_path / "journalctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncat {tmp_path}/entries\n: > {tmp_path}/entries\n'
        f"[ ! -e {tmp_path}/end ] || . {tmp_path}/end\n"
        'case "$*" in *--follow*) exec sleep 60 ;; esac\n'
    )
    program.chmod(0o755)
    (tmp_path / "socket").touch()
    return JournalSensor(str(program), tmp_path / "socket", [tmp_path], BOOT), tmp_path / "calls"


def entry(number: int, **more: object) -> bytes:
    return json.dumps(
        {"__CURSOR": f"c{number}", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": "x", "_PID": str(number), **more}
    ).encode()


def collect(sensor: JournalSensor, wanted: int) -> list[Item]:
    items: list[Item] = []
    while len(items) < wanted:
        assert readable(sensor)
        items += sensor.read()
    return items


def called(calls: Path, number: int) -> list[str]:
    """Return the first calls, once there are as many: a child that follows says nothing when it has begun."""
    until(lambda: len(calls.read_text().splitlines()) >= number, 5, f"{number} calls")
    return calls.read_text().splitlines()[:number]


def test_journal_entries_and_their_cursor(tmp_path: Path) -> None:
    sensor, calls = journal(
        tmp_path, entry(1), entry(2, SYSLOG_IDENTIFIER="other"), entry(3, MESSAGE="y" * MAX_ENTRY), entry(4)
    )
    sensor.open({})
    items = collect(sensor, 4)
    sensor.close()
    assert pids(items) == [1, 4]
    assert marks(items) == {BOOKMARK: "c4"}
    assert [item.cause for item in items if isinstance(item, Gap)] == ["entry_too_long"]
    assert "--lines=0" in calls.read_text()
    (tmp_path / "entries").write_bytes(entry(5) + b"\n")
    sensor.open({})
    assert pids(collect(sensor, 1)) == [5]
    assert readable(sensor)
    assert sensor.read() == [], "the end of what there was"
    _, drained, followed = called(calls, 3)
    sensor.close()
    assert ("--follow" in drained, "--after-cursor=c4" in drained) == (False, True)
    assert ("--follow" in followed, "--after-cursor=c5" in followed) == (True, True)


BOOT = "00000000-0000-4000-8000-00000000000f"
CURSOR = "s=1b2c;i=7;b=0000000000004000800000000000000f;m=9;t=64b60b5dafa40;x=1"
"""Of this boot, with the moment 1771728600234560 µs."""


def end(sensor: JournalSensor, cursor: str | None) -> list[Item]:
    """Open a sensor whose program ends at once."""
    items = sensor.open({BOOKMARK: cursor} if cursor else {})
    with pytest.raises(SensorLost):
        read_on(sensor)
    sensor.close()
    return items


def read_on(sensor: JournalSensor) -> None:
    while readable(sensor):
        sensor.read()


def test_a_cursor_that_the_journal_refuses_again_and_again_is_left_for_its_moment_and_told(tmp_path: Path) -> None:
    sensor, calls = journal(tmp_path)
    (tmp_path / "end").write_text("exit 1")
    assert [end(sensor, CURSOR) for _ in range(TRIES)] == [[]] * TRIES
    (tmp_path / "end").unlink()
    (tmp_path / "entries").write_bytes(entry(1) + b"\n")
    (gap,) = sensor.open({BOOKMARK: CURSOR})
    assert pids(collect(sensor, 1)) == [1]
    assert isinstance(gap, Gap)
    assert (gap.cause, gap.lost, gap.first) == ("journal_cursor_lost", 0, 1771728600234560)
    assert gap.last > gap.first
    sensor.close()
    *before, last = called(calls, TRIES + 1)
    assert all(f"--after-cursor={CURSOR}" in line for line in before)
    assert "--since=@1771728600.234560" in last
    assert "--follow" not in last


def test_a_cursor_without_a_moment_is_left_for_what_comes(tmp_path: Path) -> None:
    sensor, _ = journal(tmp_path)
    (tmp_path / "end").write_text("exit 1")
    began = time.time_ns() // 1000
    for _ in range(TRIES):
        assert end(sensor, "gone") == []
    (gap,) = end(sensor, "gone")
    assert isinstance(gap, Gap)
    assert began <= gap.first <= gap.last


@pytest.mark.parametrize("how", ["kill -KILL $$", "kill -TERM $$", "exit 0"])
def test_a_journalctl_that_is_killed_costs_no_cursor(tmp_path: Path, how: str) -> None:
    sensor, calls = journal(tmp_path)
    (tmp_path / "end").write_text(how)
    for _ in range(TRIES + 2):
        assert end(sensor, CURSOR) == []
    assert all(f"--after-cursor={CURSOR}" in line for line in calls.read_text().splitlines())


def test_entries_between_two_refusals_begin_the_count_anew(tmp_path: Path) -> None:
    sensor, calls = journal(tmp_path)
    (tmp_path / "end").write_text("exit 1")
    for _ in range(TRIES - 1):
        end(sensor, CURSOR)
    (tmp_path / "entries").write_bytes(entry(1) + b"\n")
    sensor.open({BOOKMARK: CURSOR})
    assert pids(collect(sensor, 1)) == [1]
    sensor.close()
    (tmp_path / "entries").write_bytes(b"")
    assert end(sensor, None) == []
    assert end(sensor, None) == []
    assert "--after-cursor=c1" in calls.read_text().splitlines()[-1]


def test_what_came_before_the_first_cursor_is_read_when_the_first_child_was_killed(tmp_path: Path) -> None:
    sensor, calls = journal(tmp_path)
    (tmp_path / "end").write_text("kill -KILL $$")
    began = time.time_ns() // 1000
    assert end(sensor, None) == end(sensor, None) == []
    first, second = calls.read_text().splitlines()
    assert "--lines=0" in first
    found = re.search(r"--since=@(\d+)\.(\d{6})", second)
    assert found is not None
    assert began <= int(found[1] + found[2]) <= time.time_ns() // 1000


def test_journal_availability(tmp_path: Path) -> None:
    sensor, _ = journal(tmp_path)
    assert sensor.availability().state in {"on", "limited"}
    (tmp_path / "journalctl").unlink()
    assert sensor.availability().reason == "sensor.reason.no_journalctl"
    (tmp_path / "socket").unlink()
    assert sensor.availability().reason == "sensor.reason.no_journal"


def test_after_a_cursor_of_an_earlier_boot_all_of_this_one_is_followed() -> None:
    before = CURSOR.replace("f;", "e;")
    present = BOOT.replace("-", "")
    assert coming(CURSOR, None, present) == [f"--after-cursor={CURSOR}", "--no-tail"]
    assert coming(before, None, present) == ["--boot", "--no-tail"]
    assert coming("of another form", None, present) == ["--after-cursor=of another form", "--no-tail"]
    assert coming(None, 1_500_000, present) == ["--since=@1.500000", "--no-tail"]
    assert coming(None, None, present) == ["--lines=0"]


THREE_BOOTS = Path(__file__).with_name("journals") / "three-boots.journal.xz"
"""Of systemd-journal-remote: in each of the boots 1 to 3 three entries of sshd (with odd process numbers) and three
of the kernel."""


@pytest.mark.parametrize("read", [1, 3, 4, 6, 8, 9])
def test_entries_before_a_shutdown_are_read_after_the_next_start(tmp_path: Path, read: int) -> None:
    """The first `read` entries had been read when the agent ended."""
    program = shutil.which("journalctl")
    assert program is not None
    file = tmp_path / "three.journal"
    file.write_bytes(lzma.decompress(THREE_BOOTS.read_bytes()))
    told = subprocess.run([program, "--file", file, "-o", "json", "-t", "sshd"], capture_output=True, check=True)
    cursor = json.loads(told.stdout.splitlines()[read - 1])["__CURSOR"]
    calls, script = tmp_path / "calls", tmp_path / "journalctl"
    script.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {program} --file {file} "$@"\n')
    script.chmod(0o755)
    sensor = JournalSensor(str(script), file, [tmp_path], f"{3:032x}")
    sensor.open({BOOKMARK: cursor})
    items: list[Item] = []

    def follows() -> bool:
        items.extend(sensor.read())
        return len(lines_of(calls)) > 1

    until(follows, 20, "the child that follows")
    sensor.close()
    assert pids(items) == [1, 3, 5, 7, 9, 11, 13, 15, 17][read:]


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_the_call_names_programs_and_place() -> None:
    made = command(["--after-cursor=c1"])
    assert "--after-cursor=c1" in made
    assert "--identifier=sshd" in made
    assert os.fspath(made[0]) == "journalctl"


def test_a_folder_without_rights_is_said_and_no_fault(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "auth.log").touch()
    folder.chmod(0)
    before = os.geteuid()
    try:
        if before == 0:
            os.seteuid(65534)
        assert LogFileSensor(folder).availability() == Availability("off", "sensor.reason.needs_root")
    finally:
        os.seteuid(before)
        folder.chmod(0o700)
