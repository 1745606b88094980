"""The network sensor as a Debian package: Debian 12's Python, NumPy and orjson of our own, a hardened unit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from appliance.packages import deb
from appliance.packages.archive import Entry
from appliance.packages.sources import FOLDER, VERSION, agent_files, files_below

TEMPLATES = Path(__file__).parent / "debian-collector"
START = Path(__file__).parent / "parts" / "start_collector.py"
LIBRARY = "usr/lib/czujka-collector"
UNIT = "czujka-collector.service"
_WIRE = ("agent/__init__.py", "agent/identity_request.py", "agent/wire/")
"""What the sensor has in common with the agent."""
_CONTROL = """Package: czujka-collector
Version: {version}
Architecture: {architecture}
Maintainer: Czujka <czujka@localhost>
Installed-Size: {kib}
Depends: python3 (>= 3.11), python3 (<< 3.12), python3-cryptography, python3-scapy
Section: admin
Priority: optional
Description: Czujka: czujnik sieciowy
 Czyta port lustrzany przełącznika i wysyła do urządzenia Czujka przebieg połączeń, bez ich treści.
 Kartę podaje plik /etc/czujka-collector.conf.
"""


def name_of(version: str = VERSION, architecture: str = "amd64") -> str:
    """Return the file's name, as Debian forms it."""
    return f"czujka-collector_{version}_{architecture}.deb"


def build(vendored: Sequence[Entry], version: str = VERSION, architecture: str = "amd64") -> bytes:
    """Return the package with the vendored libraries' files; the same input gives the same bytes."""
    control = _CONTROL.replace("{version}", version).replace("{architecture}", architecture)
    return deb.packed(control, _files(vendored), TEMPLATES)


def _files(vendored: Sequence[Entry]) -> list[Entry]:
    common = [one for one in agent_files() if one.path.startswith(_WIRE)]
    own = files_below(FOLDER.parent / "collector")
    return [
        *(Entry(f"{LIBRARY}/{one.path}", one.data) for one in (*common, *own)),
        *(Entry(f"{LIBRARY}/vendor/{one.path}", one.data) for one in vendored),
        Entry(f"{LIBRARY}/start.py", START.read_bytes()),
        _template("usr/bin/czujka-collector", "czujka-collector", 0o755),
        _template("usr/share/doc/czujka-collector/copyright", "copyright"),
        _template("usr/lib/sysusers.d/czujka-collector.conf", "sysusers.conf"),
        _template(f"usr/lib/systemd/system/{UNIT}", UNIT),
    ]


def _template(path: str, name: str, mode: int = 0o644) -> Entry:
    return Entry(path, (TEMPLATES / name).read_bytes(), mode)
