"""What runs already, told by a real child."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from agent.sensors.windows import alive
from agent.sensors.windows.enrich import Enricher
from agent.sensors.windows.eventlog import EventLogSensor
from tests.agent.real import CHECKOUT
from tests.agent.sensors.windows.fake import FakeLog, event

SCRIPT = "import sys; sys.stdout.write('\\n'); sys.stdout.flush(); sys.stdin.read()"


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))  # as the package's start does


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    made = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "--password=Zima2024", "two words"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert made.stdout is not None
    made.stdout.read(1)
    yield made
    made.communicate()


def test_a_process_is_told_without_its_secrets(child: subprocess.Popen[bytes]) -> None:
    found = {one.number: one for one in alive.ask()}
    one = found[child.pid]
    assert os.path.realpath(one.image) == os.path.realpath(sys.executable)
    assert one.command.endswith('--password=*** "two words"')
    assert "Zima2024" not in str(found)
    assert one.user
    assert abs(one.since - time.time_ns() // 1000) < 600_000_000
    assert os.getpid() in found


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "print('no')", "print('[1]')"])
def test_a_child_that_fails_tells_nothing(program: str) -> None:
    assert alive.ask([sys.executable, "-c", program]) == []
    assert alive.ask(["/none/such"]) == []


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "PATIENCE", 0.2)
    assert alive.ask([sys.executable, "-c", "import time; time.sleep(60)"]) == []


def test_the_reader_asks_when_it_begins_unless_sysmon_tells_it_all() -> None:
    asked: list[int] = []

    def running() -> list[alive.Alive]:
        asked.append(1)
        return [alive.Alive(500, r"C:\\a.exe", "a /b", "", 1)]

    for channels, times in ((("Security",), 1), (("Security", "Microsoft-Windows-Sysmon/Operational"), 1)):
        log, enricher = FakeLog(*channels), Enricher()
        log.add("Security", event(1, 4688, data="<Data Name='ProcessId'>0x1f4</Data>"))
        sensor = EventLogSensor(lambda log=log: log, enricher=enricher, running=running)  # type: ignore[misc]
        sensor.open({})
        try:
            assert enricher.command_of(500, r"c:\\A.exe") == ("a /b" if len(channels) == 1 else "")
        finally:
            sensor.close()
        assert len(asked) == times
