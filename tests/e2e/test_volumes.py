"""What takes an office hours or gigabytes, and what Suricata tells: what raises an alert, and its twin none."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.collector.packets import pcap
from tests.e2e import volumes
from tests.e2e.box import Box, wait_for
from tests.e2e.history import remember
from tests.e2e.station import Sensor
from tests.e2e.test_network import missing, stored

pytestmark = pytest.mark.root


class Broad(Sensor):
    """A sensor whose cards take frames as large as a card merges, beside Suricata, with little patience."""

    module = "tests.e2e.impatient"
    card, other, space = "czt-broad", "czt-deep", "czt-deep"

    def __init__(self, box: Box, folder: Path) -> None:
        super().__init__(box, folder)
        self.eve = folder / "eve.json"
        self.eve.touch()
        self.run_arguments = ("--interface", self.card, "--eve", str(self.eve))

    def __enter__(self) -> Broad:
        super().__enter__()
        for where in (f"link set {self.card}", f"-n {self.space} link set {self.other}"):
            subprocess.run(["ip", *where.split(), "mtu", "65535"], check=True)
        return self

    def pour(self, poured: volumes.Poured) -> None:
        """Send a connection from the other side, stretched."""
        capture = self.folder / "poured.pcap"
        capture.write_bytes(pcap(poured.frames))
        told = (self.other, str(capture), poured.place, poured.times, poured.seconds)
        program = f"from tests.collector.replay import pour; pour(*{told!r})"
        command = ["ip", "netns", "exec", self.space, sys.executable, "-c", program]
        subprocess.run(command, check=True, env=self.environment, timeout=120)

    def suricata(self, lines: bytes) -> None:
        with self.eve.open("ab") as file:
            file.write(lines)


def test_gigabytes_hours_new_devices_and_another_sensor_raise_their_alerts(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.pcap" for name in ("twins", "attacks")}
    files["twins"].write_bytes(pcap(volumes.twins()))
    files["attacks"].write_bytes(pcap(volumes.frames()))
    wanted = set(volumes.WANTED.items())
    (folder := tmp_path / "box").mkdir()
    with Box(folder) as box, Broad(box, tmp_path) as sensor:
        try:
            agent_id = sensor.enrol()
            remember(sensor.home / "spool.db", volumes.before())
            sensor.start()
            wait_for("the first heartbeat", lambda: sensor.told(agent_id)["sensors"])
            sensor.pass_by(files["twins"])
            sensor.suricata(volumes.alerts((volumes.NOTED, 3)))
            sensor.pour(volumes.LITTLE)
            for query in (
                f"zeek.conn.conn_state:SF AND source.ip:{volumes.PHOTOGRAPHER}",
                f"source.ip:{volumes.NOTED}",
            ):
                wait_for(query, partial(stored, box, query, 1), 60)
            assert {alert["title"] for alert in box.get("alerts")["items"]} == set()
            sensor.pass_by(files["attacks"])
            sensor.suricata(volumes.alerts((volumes.URGENT, 1), (volumes.WORTH_A_LOOK, 2)))
            sensor.pour(volumes.MUCH)
            with suppress(AssertionError):  # what is missing is told better by what follows
                wait_for("the alerts", lambda: not missing(box, wanted), 60)
            assert missing(box, wanted) == set()
            assert sensor.stop() == 0
        finally:
            if sensor.process is not None and sensor.process.poll() is None:
                sensor.stop(signal.SIGKILL)
