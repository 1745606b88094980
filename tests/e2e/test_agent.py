"""A station with the real gateway: it enrols, its events arrive, and neither kills nor outages lose or double a line.

The agents here follow log files of a folder of their own, so that they need neither root nor the kernel's audit.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.box import Box, wait_for
from tests.e2e.station import Station

KILLS = 10
SEED = 20261122
NOBODY = 65534


@pytest.fixture
def station(box: Box, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Station]:
    made = Station(box, tmp_path, re.sub(r"\W|_", "-", request.node.name)[:60])
    yield made
    made.end()


@pytest.fixture
def open_station(box: Box) -> Iterator[Station]:
    """A station that any user may run; pytest closes its folders to others whenever a further session begins."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield (made := Station(box, Path(name), "without-root"))
        made.end()


def test_a_station_enrols_and_its_events_arrive(station: Station) -> None:
    agent_id = station.begin()
    station.append(3)
    station.check_all_stored_once()
    # The gateway counts what a station has sent every second or so.
    wait_for("the count of its records", lambda: station.told(agent_id)["records"] >= 3)
    told = station.told(agent_id)
    assert told["state"] == "active"
    assert [(sensor["name"], sensor["state"]) for sensor in told["sensors"]] == [("logfile", "on")]
    assert len(station.box.get("events", q=f"agent.id:{agent_id} AND event.action:agent_started")["items"]) == 1
    assert station.stop() == 0
    assert re.search(r"Działa: nie\nCzeka na wysłanie: 0$", station.command("status").stdout.strip())


def test_a_revoked_station_is_refused_at_once_and_keeps_its_spool(station: Station) -> None:
    agent_id = station.begin()
    station.append(2)
    station.check_all_stored_once()
    with station.box.api() as client:
        assert client.post(f"agents/{agent_id}/revoke").status_code == 200
    station.append(5)
    wait_for("the refusal", lambda: "refuses this agent" in station.log)
    wait_for("the lines in the spool", lambda: station.waiting() >= 5)
    assert station.stored() == 2
    assert station.stop() == 0
    assert station.waiting() >= 5
    assert station.stored() == 2


def test_kill_minus_nine_of_the_agent_loses_and_doubles_no_line(station: Station) -> None:
    station.begin()
    chance = random.Random(SEED)
    ends = threading.Event()

    def load() -> None:
        while not ends.wait(0.01):
            station.append(7)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.15, 0.8))
            station.stop(signal.SIGKILL)
            station.start()
    finally:
        ends.set()
        thread.join()
    station.check_all_stored_once(60)
    assert station.lines > 500
    assert station.stop() == 0


def test_what_happens_while_the_box_is_down_arrives_afterwards(station: Station) -> None:
    station.begin()
    station.append(5)
    station.check_all_stored_once()
    assert station.box.stop() == 0
    station.append(800)
    wait_for("the lines in the spool", lambda: station.waiting() >= 800)
    station.stop(signal.SIGKILL)
    station.append(50)
    station.box.start()
    station.start()
    station.check_all_stored_once(40)
    wait_for("an empty spool", lambda: station.waiting() == 0)
    assert station.stop() == 0


def test_without_root_a_station_works_and_says_what_is_missing(open_station: Station) -> None:
    (station := open_station).environment["CZUJKA_AGENT_SENSORS"] = ""
    agent_id = station.enrol()
    if os.geteuid() == 0:
        _give_to_nobody(station)
    station.start()
    sensors = {sensor["name"]: sensor for sensor in wait_for("sensors", lambda: station.told(agent_id)["sensors"])}
    assert sensors["audit"] == {"name": "audit", "state": "off", "reason": "sensor.reason.needs_root"}
    assert sensors["logfile"]["state"] == "on"
    station.append(3)
    station.check_all_stored_once()
    assert station.stop() == 0


def _give_to_nobody(station: Station) -> None:
    """Run the rest as a user without rights, with a Python that this user may start."""
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    station.prefix = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    for path in (station.home, *station.home.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    check = [*station.prefix, "", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    for python in (sys.executable, "/usr/bin/python3"):
        check[len(station.prefix)] = python
        if subprocess.run(check, check=False, capture_output=True).returncode == 0:
            station.python = python
            return
    pytest.skip("no Python that a user without rights may start")
