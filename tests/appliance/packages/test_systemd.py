"""The package on a machine with a real systemd: the unit runs, enrols, is upgraded in place, removed and purged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cryptography
import psutil
import pytest

from agent import __version__
from appliance.packages import deb
from appliance.packages.archive import Entry
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.update.offer import package
from tests.appliance.packages.machine import Machine

pytestmark = pytest.mark.root
LATER = "98.0.0"
UNIT = "czujka-agent.service"
DIST = "/usr/lib/python3/dist-packages"


def psutil_files() -> list[Entry]:
    folder = Path(psutil.__file__).parent
    paths = [path for path in folder.rglob("*") if path.suffix in {".py", ".so"} and "tests" not in path.parts]
    return [Entry(f"psutil/{path.relative_to(folder).as_posix()}", path.read_bytes()) for path in paths]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (folder := tmp_path / "machine").mkdir()
    made = Machine(folder)
    try:
        # Debian's own is used where it is installed; elsewhere that of the tests stands in.
        made.path(f"{DIST}/czujka-tests.pth").write_text(str(Path(cryptography.__file__).parents[1]))
        yield made
    finally:
        made.close()


def install(machine: Machine, data: bytes) -> None:
    machine.path("/tmp/agent.deb").write_bytes(data)
    done = machine.run("dpkg", "--force-depends", "--force-unsafe-io", "--install", "/tmp/agent.deb")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_runs_is_upgraded_and_goes(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, home = FakeBox(tmp_path / "box"), "/var/lib/czujka-agent"
    beats = box.seen.heartbeats
    try:
        install(machine, deb.build(psutil_files()))
        assert (machine.state(UNIT)["ActiveState"], machine.state(UNIT)["UnitFileState"]) == ("inactive", "enabled")
        machine.path(f"{home}/token").write_text(box.token())
        machine.run("systemctl", "start", UNIT)
        until(lambda: beats, 60, "a heartbeat of the unit's agent")
        first = machine.state(UNIT)
        assert (first["ActiveState"], first["NRestarts"], beats[-1]["version"]) == ("active", "0", __version__)
        identity = machine.path(f"{home}/identity.json").read_bytes()
        spool = machine.path(f"{home}/spool.db").stat().st_ino
        assert machine.path(home).stat().st_mode & 0o777 == 0o700
        limit = machine.run("systemctl", "show", UNIT, "--property=TimeoutStartUSec").stdout.strip()
        assert limit == "TimeoutStartUSec=5min", (
            "a start took 100 s at a tenth of a core twenty times slower than usual"
        )
        status = machine.run("cat", f"/proc/{first['MainPID']}/status").stdout
        assert "NoNewPrivs:\t1\n" in status
        assert "Seccomp:\t2\n" in status

        with zipfile.ZipFile(io.BytesIO(package(LATER))) as archive:
            later = [Entry(name, archive.read(name)) for name in archive.namelist()]
        monkeypatch.setattr(deb, "agent_files", lambda: later)
        install(machine, deb.build(psutil_files(), LATER))
        until(lambda: beats[-1]["version"] == LATER, 60, "a heartbeat of the later version")
        assert machine.state(UNIT)["ActiveState"] == "active"
        assert machine.path(f"{home}/identity.json").read_bytes() == identity
        assert machine.path(f"{home}/spool.db").stat().st_ino == spool
        assert len(box.seen.enrolments) == 1

        assert machine.run("dpkg", "--remove", "czujka-agent").returncode == 0
        gone = machine.state(UNIT)
        stops = [one["agent.stop_reason"] for one in box.seen.records if one["event.action"] == "agent_stopping"]
        assert stops == ["SIGTERM", "uninstall"], "the upgrade, and the removal"
        assert (gone["ActiveState"], gone["LoadState"]) == ("inactive", "not-found")
        assert machine.path(f"{home}/identity.json").read_bytes() == identity
        assert machine.run("dpkg", "--purge", "czujka-agent").returncode == 0
        assert not machine.path(home).exists()
    finally:
        box.down()


def test_a_box_that_is_away_breaks_no_installation(machine: Machine, tmp_path: Path) -> None:
    """As the one-line command does it: the token is there before the package."""
    box, home = FakeBox(tmp_path / "box"), machine.path("/var/lib/czujka-agent")
    token = box.token()
    box.down()
    home.mkdir(0o700)
    (home / "token").write_text(token)
    install(machine, deb.build(psutil_files()))
    assert "Status: install ok installed" in machine.run("dpkg", "--status", "czujka-agent").stdout
    until(lambda: machine.state(UNIT)["NRestarts"] != "0", 60, "another try to enrol")
    assert (home / "token").exists()
