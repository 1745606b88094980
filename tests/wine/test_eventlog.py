"""Events of the Windows log on their whole way: wevtapi, reader, spool, a real box, alerts; kills and a cleared log."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.agent.sensors.windows.fake import event
from tests.agent.sensors.windows.recorded import rendered
from tests.e2e.box import Box, wait_for
from tests.wine.bed import Windows
from tests.wine.eventlog import EventLog

pytestmark = pytest.mark.wine
POINTS = ("after", "before", "after")
"""Where the agent is killed: with events that Windows gave and nothing keeps yet, and when all it was given is kept."""
EACH = 150
CLEARED = "Security Log Cleared"
LOG_ONS = "event.code:4624 AND host.name:PC-7.urzad.local"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
RECORDED = f'winlog.channel:"{SYSMON}"'


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("box")) as made:
        yield made


class Station:
    """An agent under wine with channels of its own."""

    def __init__(self, windows: Windows, box: Box, folder: Path) -> None:
        self.windows, self.folder = windows, folder
        self.log = EventLog(windows, folder)
        self.home = ("--home", rf"C:\{folder.name}")
        token = box.run("enrol-token", "create", "--url", f"https://127.0.0.1:{box.gateway_port}").stdout.strip()
        enrolled = windows.python("-m", "agent", "enrol", token, *self.home)
        assert enrolled.returncode == 0, enrolled.stderr

    def start(self) -> subprocess.Popen[bytes]:
        command = [self.windows.python_program, "-m", "agent", "run", *self.home, "--until-eof"]
        environment = {**self.log.environment, "CZUJKA_AGENT_KEEP_FREE_BYTES": "0"}
        return self.windows.start(self.folder / "agent.log", *command, environment=environment)

    def end(self, running: subprocess.Popen[bytes]) -> None:
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(20) == 0, (self.folder / "agent.log").read_text()


@pytest.mark.corpora
def test_an_attack_raises_its_alerts_and_kills_lose_and_double_nothing(
    windows: Windows, box: Box, corpora: Path, tmp_path: Path
) -> None:
    station = Station(windows, box, tmp_path)
    (sample,) = corpora.rglob("privesc_unquoted_svc_sysmon_1_11.evtx")
    recorded = rendered(sample)
    station.log.add("Security", ())
    station.log.add(SYSMON, recorded)
    number = 0
    for point in POINTS:
        running = station.start()
        number = _add(station.log, number)
        wait_for("what was added arrives", partial(_has, box, number), 40)
        with station.log.holding(point) as held:
            number = _add(station.log, number)
            wait_for("the point of the kill", held.exists)
            running.kill()
            running.wait(10)
    running = station.start()
    number = _add(station.log, number)
    wait_for("everything arrives", lambda: _count(box, LOG_ONS) >= number, 40)
    station.log.clear("Security")
    station.log.add("Security", [event(number + 1, 1102, provider="Microsoft-Windows-Eventlog")])
    wait_for("the alert of the cleared log", lambda: CLEARED in _alerts(box))
    wait_for("an alert of the recorded attack", lambda: _alerts(box) - {CLEARED})
    assert (_count(box, LOG_ONS), _count(box, RECORDED)) == (number, len(recorded))
    (top,) = box.get("events/top", q=LOG_ONS, field="winlog.record_id", n=1)["items"]
    assert top["count"] == 1
    station.end(running)
    assert wait_for("what was lost", lambda: _gaps(box)) == {"event_bookmark_lost:security"}


def test_wanted_channels_say_how_they_are_set_up(windows: Windows, tmp_path: Path) -> None:
    log = EventLog(windows, tmp_path)
    log.add("Security", ())
    log.switch_off("System")
    asked = "import json; from agent.inventory.windows.native import CALLS; print(json.dumps(CALLS['channels']()))"
    done = windows.python("-c", asked, environment=log.environment)
    assert done.returncode == 0, done.stderr
    states = {one["path"]: (one["state"], one["max_bytes"], one["retention"]) for one in json.loads(done.stdout)}
    assert states["Security"] == ("on", 20 << 20, "overwrite")
    assert states["System"][0] == "off"
    assert states["Windows PowerShell"] == ("missing", 0, "")


def _add(log: EventLog, number: int) -> int:
    """Add EACH events after the one of this number; return the last one's."""
    log.add("Security", [event(number + one + 1) for one in range(EACH)])
    return number + EACH


def _has(box: Box, number: int) -> bool:
    return _count(box, LOG_ONS) >= number


def _gaps(box: Box) -> set[str]:
    causes = {event["gap.cause"] for event in box.get("events", q="event.action:telemetry_gap")["items"]}
    return {cause for cause in causes if cause != "agent_killed"}


def _count(box: Box, query: str) -> int:
    return int(box.get("events/count", q=query)["count"])


def _alerts(box: Box) -> set[str]:
    return {alert["title"] for alert in box.get("alerts")["items"]}
