"""Rules that cannot be used: the box starts without them and says where each is at fault."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.wire.event import Record
from tests.e2e.bad.rules import BROKEN, CATASTROPHIC
from tests.e2e.bad.tools import still_works
from tests.e2e.box import Box, wait_for

FAULTY = sorted(name for name, rule in BROKEN.items() if rule.line is not None)


def test_every_faulty_rule_is_listed_once_with_file_and_line(box: Box) -> None:
    faults = box.get("rules")["faults"]
    assert sorted({Path(fault["file"]).name for fault in faults}) == FAULTY
    for name in FAULTY:
        rule = BROKEN[name]
        found = [fault for fault in faults if Path(fault["file"]).name == name]
        assert rule.line in [fault["line"] for fault in found], found
        assert any(rule.names in fault["message"] for fault in found), found
    assert box.get("status")["rules"]["faults"] == len(faults)


@pytest.mark.parametrize("name", FAULTY)
def test_the_log_names_the_fault_too(box: Box, name: str) -> None:
    assert any("rule_fault" in line and name in line for line in box.log.splitlines())


def test_check_names_every_fault_at_once(box: Box) -> None:
    # `rules check` needs no box and takes no --home, so it is run on the folder alone.
    done = box.run_bare("rules", "check", str(box.home.rules))
    assert done.returncode == 1
    for name in FAULTY:
        assert f"{box.home.rules / name}:{BROKEN[name].line}: " in done.stdout
    assert "Traceback" not in done.stderr


def test_a_catastrophic_expression_is_decided_in_linear_time(box: Box) -> None:
    sender = box.sender()
    record: Record = {
        "event.module": "windows.eventlog",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "EventID": 1,
        "Image": "C:\\a.exe",
        "CommandLine": "a" * 60_000 + "!",
        "UtcTime": "2026-11-20 10:00:00.000",
    }
    began = time.monotonic()
    hosts = [f"regex-{n}" for n in range(20)]
    sender.send("regex", [{**record, "Computer": host, "EventRecordID": 1} for host in hosts])
    sender.close()
    wait_for("the long lines are stored", lambda: box.get("events/count", q="host.name:regex-*")["count"] == 20)
    assert time.monotonic() - began < 15
    assert CATASTROPHIC in {rule["id"] for rule in box.get("rules")["items"]}
    still_works(box)
