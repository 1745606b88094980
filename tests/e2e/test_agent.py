"""A station with the real gateway: it enrols, its events arrive, and neither kills nor outages lose or double a line.

The agents here follow log files of a folder of their own, so that they need neither root nor the kernel's audit.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from appliance.home import CHECKOUT
from tests.collector.packets import accepted, asked, claim, frames_of, lease, pcap, router, scan, tunnel
from tests.e2e.box import Box, wait_for
from tests.e2e.memory import eight_days_pass
from tests.e2e.names import RESOLVER, invented, ordinary, turned
from tests.e2e.pages.tabs import violations
from tests.e2e.person import browsing, set_up

KILLS = 10
SEED = 20261122
NOBODY = 65534


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("box")) as made:
        yield made


class Station:
    """One agent with a home and a log folder of its own; its lines carry its name as their host."""

    module = "agent"
    run_arguments: tuple[str, ...] = ()

    def __init__(self, box: Box, folder: Path, name: str) -> None:
        self.box, self.folder, self.name = box, folder, name
        self.logs = folder / "logs"
        self.logs.mkdir()
        (self.logs / "auth.log").touch()
        self.python, self.prefix = sys.executable, list[str]()
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "CZUJKA_AGENT_LOG_FOLDER": str(self.logs),
            "CZUJKA_AGENT_SENSORS": "logfile",
            "CZUJKA_AGENT_KEEP_FREE_BYTES": "0",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.lines = 0

    @property
    def home(self) -> Path:
        return self.folder / "agent"

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self.prefix, self.python, "-m", self.module, *arguments, "--home", str(self.home)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)

    def enrol(self) -> str:
        """Enrol with a fresh token; return the agent's number."""
        made = self.box.run("enrol-token", "create", "--url", f"https://127.0.0.1:{self.box.gateway_port}")
        assert made.returncode == 0, made.stderr
        done = self.command("enrol", made.stdout.strip())
        assert done.returncode == 0, done.stderr
        return str(re.findall(r"[0-9a-f-]{36}", done.stdout)[0])

    def start(self) -> None:
        command = [*self.prefix, self.python, "-m", self.module, "run", "--home", str(self.home), *self.run_arguments]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def begin(self) -> str:
        """Enrol, start, and wait until the box has heard of the sensors; return the agent's number."""
        agent_id = self.enrol()
        self.start()
        wait_for("the first heartbeat", lambda: self.told(agent_id)["sensors"])
        return agent_id

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGKILL)

    def append(self, count: int) -> None:
        """Add lines, each with an account that no other line names."""
        with (self.logs / "auth.log").open("a") as file:
            for number in range(self.lines, self.lines + count):
                moment = f"2026-11-21T10:{number // 60 % 60:02d}:{number % 60:02d}+01:00"
                text = f"Accepted password for u{number} from 10.0.0.1 port 22 ssh2"
                file.write(f"{moment} {self.name} sshd[{number + 1}]: {text}\n")
        self.lines += count

    def stored(self) -> int:
        return int(self.box.get("events/count", q=f"host.name:{self.name}")["count"])

    def waiting(self) -> int:
        """How many records the spool holds."""
        with closing(sqlite3.connect(f"file:{self.home}/spool.db?mode=ro", uri=True, timeout=5)) as spool:
            return int(spool.execute("SELECT count(*) FROM records").fetchone()[0])

    def check_all_stored_once(self, seconds: float = 30.0) -> None:
        wait_for(f"{self.lines} lines of {self.name}", lambda: self.stored() >= self.lines, seconds)
        assert self.stored() == self.lines
        assert self.box.get("events/count", q="gap.cause:chain_*")["count"] == 0
        top = self.box.get("events/top", q=f"host.name:{self.name}", field="process.pid", n=1)
        assert [value["count"] for value in top["items"]] == [1]

    def told(self, agent_id: str) -> dict[str, Any]:
        """What the box says of this station."""
        return dict(self.box.get(f"agents/{agent_id}"))


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


class Sensor(Station):
    """A network sensor of two processes on one end of a pair of virtual cards; the other has a namespace of its own."""

    module = "collector"
    card, other, space = "czt-mirror", "czt-office", "czt-office"

    def __init__(self, box: Box, folder: Path) -> None:
        super().__init__(box, folder, "sensor")
        self.run_arguments = ("--interface", self.card, "--workers", "2")

    def __enter__(self) -> Sensor:
        for command in (
            f"netns add {self.space}",
            f"link add {self.card} type veth peer name {self.other} netns {self.space}",
            f"link set {self.card} addrgenmode none",
            f"link set {self.card} up",
            f"-n {self.space} link set {self.other} addrgenmode none",
            f"-n {self.space} link set {self.other} up",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "netns", "del", self.space], check=True)

    def pass_by(self, capture: Path) -> None:
        """Send the frames of a capture file from the other side."""
        program = f"from tests.collector.replay import replay; replay({self.other!r}, {str(capture)!r})"
        command = ["ip", "netns", "exec", self.space, sys.executable, "-c", program]
        subprocess.run(command, check=True, env=self.environment, timeout=60)


@pytest.mark.root
@pytest.mark.browser
def test_a_scan_seen_on_the_mirror_port_raises_its_alert_and_an_import_of_it_is_read(box: Box, tmp_path: Path) -> None:
    capture, before, after = (tmp_path / f"{name}.pcap" for name in ("scan", "before", "after"))
    capture.write_bytes(pcap(scan("10.66.0.9", "10.66.0.20", range(1, 41))))
    known = [lease("10.66.0.2", "10.66.0.1"), claim("10.66.0.1", "00:0c:42:00:00:01"), claim(PRINTER, PRINTER_CARD)]
    before.write_bytes(pcap([*known, *accepted(PRINTER, "10.66.0.2", 25)]))
    claims = [claim(f"10.66.1.{n}", STRANGER) for n in range(120)]
    flood = asked(f"00:1b:78:66:00:{n:02x}" for n in range(100))
    gateway = claim("10.66.0.1", "00:0c:42:00:00:01")
    strange = [gateway, claim("10.66.0.1", STRANGER), lease("10.66.0.66", "10.66.0.66"), router(STRANGER, "2001:db8::")]
    after.write_bytes(
        pcap([*strange, *claims, *flood, *(f for port in (3389, 4444) for f in accepted(PRINTER, "10.66.0.2", port))])
    )
    names = tmp_path / "names.pcap"
    names.write_bytes(pcap([*tunnel("10.66.0.10", RESOLVER, 80), *invented(), *turned(), *ordinary()]))
    with Sensor(box, tmp_path) as sensor:
        try:
            agent_id = sensor.begin()
            assert [(one["name"], one["state"]) for one in sensor.told(agent_id)["sensors"]] == [("network", "on")]
            sensor.pass_by(before)
            sensor.pass_by(capture)
            sensor.pass_by(names)
            wait_for("the alert", lambda: _alerts(box, "Many Ports of One Computer Tried"), 40)
            wait_for("what an analyser noticed", lambda: _alerts(box, "Data Travels in Names Asked of DNS"), 40)
            for title, about in (("Invented Domains Sought over a Day", "10.66.0.11"), (REBINDING, "10.66.0.12")):
                (alert,) = wait_for(title, partial(_alerts, box, title), 40)
                assert alert["entity"] == about
            query = f"agent.id:{agent_id} AND event.dataset:zeek.conn AND source.ip:10.66.0.9"
            wait_for("the connections", lambda: box.get("events/count", q=query)["count"] == 40)
            (alert,) = _alerts(box, "Many Ports of One Computer Tried")
            _packets_of(box, alert["id"], tmp_path)
            (one,) = sensor.told(agent_id)["sensors"]
            assert one["figures"]["drops"] == 0
            assert sensor.stop() == 0
            eight_days_pass(sensor.home / "spool.db")
            sensor.start()
            wait_for("the alerts of what was not known before the restart", lambda: _strange(box, sensor, after), 60)
            assert set(_disputed(box, GATEWAY_CLAIMED)) >= set(strange[:2])
            assert set(_disputed(box, "Unknown DHCP Server Hands out Addresses")) == {strange[2]}
            assert set(_disputed(box, "Unknown IPv6 Router Announces Itself")) == {strange[3]}
            assert sensor.stop() == 0
        finally:
            if sensor.process is not None and sensor.process.poll() is None:
                sensor.stop(signal.SIGKILL)
    done = box.run("import", str(capture))
    assert (done.returncode, done.stdout.strip()) == (0, "Przeczytane: 40, przyjęte: 40, już znane: 0, odrzucone: 0")
    again = box.run("import", str(capture))
    assert again.stdout.strip().endswith("już znane: 40, odrzucone: 0")
    # Of what was imported, the box itself keeps the packets.
    (event, *_) = box.get("events", q=f"NOT agent.id:{agent_id} AND event.dataset:zeek.conn")["items"]
    with box.api() as client:
        number = client.post("slices", json={"event_id": event["event.id"]}).json()["id"]
    read = wait_for("the packets are read", lambda: _slice(box, number, "read"), 60)
    assert (read["reason"], read["summary"]["packets"]) == ("", 2)


def _packets_of(box: Box, alert: int, folder: Path) -> None:
    """Fetch the packets of an alert by a click, see what tshark makes of them, and take them away."""
    with browsing() as tab:
        page = tab.new_page()
        set_up(page, box)
        page.goto(f"{box.base}/alerty/{alert}")
        page.get_by_role("button", name="Pobierz pakiety z czujnika").first.click()
        page.wait_for_url("**?ok=slice_asked#pakiety")
        expect(page.locator("[data-part=packets]")).to_contain_text("Co znalazł tshark", timeout=90_000)
        assert violations(page, "light") == []
        page.get_by_text("2 pierwsze pakiety po kolei").click()
        expect(page.locator("[data-part=packets] table.ev")).to_contain_text("[SYN]")
        page.set_viewport_size({"width": 320, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        with page.expect_download() as download:
            page.get_by_role("link", name="Pobierz plik pcapng").click()
        taken = folder / "taken.pcapng"
        download.value.save_as(taken)
    frames, broken = frames_of(taken.read_bytes())
    assert ([len(frame) for _, frame, _, _ in frames], broken) == ([54, 54], "")
    (done,) = [one for one in box.get("operations")["items"] if one["action"] == "slice.downloaded"]
    assert (done["who"], done["detail"]["sha256"]) == ("marek", hashlib.sha256(taken.read_bytes()).hexdigest())


def _disputed(box: Box, title: str) -> list[bytes]:
    """Return the frames that an alert about an address has as its evidence, as the sensor brings them."""
    (alert,) = _alerts(box, title)
    (event, *_) = box.get(f"alerts/{alert['id']}/events")["items"]
    with box.api() as client:
        number = client.post("slices", json={"event_id": event["event_id"]}).json()["id"]
        wait_for("the frames", lambda: _slice(box, number, "read"), 60)
        taken = client.get(f"slices/{number}/pcap").content
    return [frame for _, frame, _, _ in frames_of(taken)[0]]


def _slice(box: Box, number: int, state: str) -> dict[str, Any] | None:
    found: dict[str, Any] = box.get(f"slices/{number}")
    return found if found["state"] == state else None


REBINDING = "Name of the Internet Turns into an Address of the Office"
PRINTER, PRINTER_CARD, STRANGER = "10.66.0.80", "00:80:77:00:00:80", "08:00:27:00:00:66"
GATEWAY_CLAIMED = "Another Card Claims the Address of the Gateway or a Server"
NOTICED = {
    GATEWAY_CLAIMED,
    "A Card Claims Addresses without End",
    "Unknown DHCP Server Hands out Addresses",
    "Unknown IPv6 Router Announces Itself",
    "Addresses of the Office Are Being Used up",
    "Computer Can Suddenly Be Controlled from Afar",
    "Computer Answers on a Port of Break-in Tools",
    "Printer, Camera, Telephone or Kiosk Does Something Else",
}


def _strange(box: Box, sensor: Sensor, capture: Path) -> bool:
    """Let strange things pass by, again and again as long as the sensor may not listen yet."""
    sensor.pass_by(capture)
    return _noticed(box) == NOTICED


def _noticed(box: Box) -> set[str]:
    return {alert["title"] for alert in box.get("alerts")["items"]} & NOTICED


def _alerts(box: Box, title: str) -> list[dict[str, Any]]:
    return [alert for alert in box.get("alerts")["items"] if alert["title"] == title]
