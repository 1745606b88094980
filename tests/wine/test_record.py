"""The sample of events that a tester of a real Windows hands over, taken through wevtapi."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from agent.sensors.windows.selfcheck import MOST
from tests.agent.sensors.windows.fake import event
from tests.wine.bed import Windows, path
from tests.wine.eventlog import EventLog

pytestmark = pytest.mark.wine
SYSMON = "Microsoft-Windows-Sysmon/Operational"


def test_a_sample_holds_what_would_be_sent(windows: Windows, tmp_path: Path) -> None:
    log, target = EventLog(windows, tmp_path), tmp_path / "sample.zip"
    log.add("Security", [event(number) for number in range(1, MOST + 50)])
    names = "<Data Name='DestinationHostname'>klinika.pl</Data>"
    log.add(SYSMON, [event(1, 22, path=SYSMON, data="x"), event(2, 3, path=SYSMON, data=names)])
    command = ("-m", "agent", "record", path(target), "--home", rf"C:\{tmp_path.name}")
    done = windows.python(*command, environment=log.environment)
    assert (done.returncode, done.stdout[:20]) == (0, f"Zapisano {MOST + 1} zdarzeń"), done.stderr
    with zipfile.ZipFile(target) as packed:
        lines = {name: packed.read(name).decode().splitlines() for name in packed.namelist() if "ndjson" in name}
    numbers = [int(json.loads(line)["EventRecordID"]) for line in lines.pop("security.ndjson")]
    assert numbers == list(range(50, MOST + 50)), "the newest, in their order"
    ((only,),) = lines.values()
    assert json.loads(only)["DestinationHostname"] == "-"
