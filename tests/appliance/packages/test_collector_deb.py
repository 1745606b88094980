"""The sensor's Debian package: the same bytes twice, what it carries, and that it starts from where it is unpacked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent import __version__
from appliance.packages import collector_deb
from appliance.packages.archive import Entry

VENDORED = [Entry("library/__init__.py", b"")]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    (package := folder / "sensor.deb").write_bytes(collector_deb.build(VENDORED))
    subprocess.run(["dpkg-deb", "--extract", package, folder / "root"], check=True)
    return folder / "root"


def test_the_same_sources_give_the_same_bytes() -> None:
    assert collector_deb.build(VENDORED) == collector_deb.build(VENDORED)
    assert collector_deb.build(VENDORED, "98.0.0") != collector_deb.build(VENDORED)


def test_it_carries_the_sensor_and_the_wire_alone(unpacked: Path) -> None:
    library = unpacked / collector_deb.LIBRARY
    assert {path.name for path in library.iterdir()} == {"agent", "collector", "start.py", "vendor"}
    assert {path.name for path in (library / "agent").iterdir()} == {"__init__.py", "identity_request.py", "wire"}
    assert (library / "collector/analysers/data/oui.csv").is_file()
    assert (library / "vendor/library/__init__.py").is_file()


def test_it_starts_from_where_it_lies(unpacked: Path) -> None:
    start = unpacked / collector_deb.LIBRARY / "start.py"
    done = subprocess.run([sys.executable, "-I", start, "--version"], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (__version__, "")


def test_the_unit_is_sound_and_hardened(unpacked: Path) -> None:
    unit = f"usr/lib/systemd/system/{collector_deb.UNIT}"
    verify = ["systemd-analyze", "verify", "--man=no", f"--root={unpacked}", collector_deb.UNIT]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    # What the unit itself says wrong; an empty root lacks the units of every system.
    assert [line for line in done.stderr.splitlines() if collector_deb.UNIT in line and "not found" not in line] == []
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(unpacked / unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout[-300:]
