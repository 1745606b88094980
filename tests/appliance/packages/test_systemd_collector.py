"""The sensor's package on a machine with a real systemd: it watches with one right, and a hang is a new start."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import cryptography
import pytest

from appliance.packages import collector_deb
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.appliance.packages.machine import Machine
from tests.appliance.packages.test_systemd import DIST, install
from tests.collector.cards import pair_of_cards
from tests.collector.packets import claim
from tests.collector.replay import send

pytestmark = pytest.mark.root
UNIT, NAME, HOME = collector_deb.UNIT, "czujka-collector", "/var/lib/czujka-collector"
ONE, OTHER = "czt-unit0", "czt-unit1"
LIBRARIES = "/mnt"
NET_RAW = 1 << 13
SOON = "[Service]\nWatchdogSec=12\nTimeoutAbortSec=1\nRestartSec=1\n"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (folder := tmp_path / "machine").mkdir()
    made = Machine(folder)
    try:
        # The libraries of the tests stand in for those inside the package and for Debian's. They may lie where the unit
        # sees nothing of this machine, as below /tmp.
        done = made.run("mount", "--bind", str(Path(cryptography.__file__).parents[1]), LIBRARIES)
        assert done.returncode == 0, done.stderr
        made.path(f"{DIST}/czujka-tests.pth").write_text(LIBRARIES)
        with pair_of_cards(ONE, OTHER):
            yield made
    finally:
        made.close()


def _seen(box: FakeBox, key: str, value: str) -> bool:
    return any(record.get(key) == value for record in box.seen.records)


def test_the_unit_watches_with_one_right_and_is_started_again_when_it_hangs(machine: Machine, tmp_path: Path) -> None:
    box = FakeBox(tmp_path / "box")
    try:
        install(machine, collector_deb.build([]))
        assert (machine.state(UNIT)["ActiveState"], machine.state(UNIT)["UnitFileState"]) == ("inactive", "enabled")
        done = machine.run(NAME, "enrol", box.token())
        assert done.returncode == 0, done.stderr
        assert machine.path(f"{HOME}/identity.json").stat().st_uid == machine.path(HOME).stat().st_uid != 0
        machine.path(f"/etc/{NAME}.conf").write_text(f'ARGUMENTS="--interface {ONE}"\n')
        (drop := machine.path(f"/etc/systemd/system/{UNIT}.d")).mkdir()
        (drop / "soon.conf").write_text(SOON)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", UNIT)
        until(lambda: box.seen.heartbeats, 60, "a heartbeat of the unit's sensor")
        state = machine.state(UNIT)
        assert (state["ActiveState"], state["NRestarts"]) == ("active", "0")
        assert [one["state"] for one in box.seen.heartbeats[-1]["sensors"]] == ["on"]
        status = dict(
            line.split(":\t", 1)
            for line in machine.run("cat", f"/proc/{state['MainPID']}/status").stdout.splitlines()
            if ":\t" in line
        )
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == NET_RAW
        assert (status["NoNewPrivs"], status["Seccomp"], "0" in status["Uid"].split()) == ("1", "2", False)
        send(OTHER, [claim("10.0.0.7", "02:00:00:00:00:07")])
        until(lambda: _seen(box, "_path", "arp"), 60, "the event of what passed by")

        machine.run("kill", f"-{signal.SIGSTOP}", state["MainPID"])
        until(lambda: machine.state(UNIT)["NRestarts"] == "1", 60, "the watchdog")
        until(lambda: _seen(box, "gap.cause", "agent_killed"), 60, "the event that tells of it")
        assert machine.state(UNIT)["ActiveState"] == "active"

        install(machine, collector_deb.build([], "98.0.0"))
        assert machine.state(UNIT)["ActiveState"] == "active"
        assert machine.run("dpkg", "--remove", NAME).returncode == 0
        gone = machine.state(UNIT)
        assert (gone["ActiveState"], machine.path(f"{HOME}/identity.json").exists()) == ("inactive", True)
        assert machine.run("dpkg", "--purge", NAME).returncode == 0
        assert not machine.path(HOME).exists()
        assert not machine.path(f"/etc/{NAME}.conf").exists()
    finally:
        box.down()
