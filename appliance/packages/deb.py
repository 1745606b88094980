"""The agent as a Debian package (deb(5), debian-policy): the system's Python, psutil of our own, two systemd units."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from pathlib import Path

from appliance.packages.archive import Entry, ar, tar_xz
from appliance.packages.sources import START, VERSION, agent_files

TEMPLATES = Path(__file__).parent / "debian"
LIBRARY = "usr/lib/czujka-agent"
UNIT, FIM_UNIT = "czujka-agent.service", "czujka-agent-fim.service"
_FIM = (
    ("Description=Czujka: agent stacji roboczej", "Description=Czujka: agent stacji roboczej, ze śledzeniem plików"),
    ("After=network.target", f"After=network.target\nConflicts={UNIT}"),
    ("CapabilityBoundingSet=", "CapabilityBoundingSet=CAP_SYS_ADMIN "),
    (
        "SystemCallFilter=@system-service",
        "SystemCallFilter=@system-service fanotify_init fanotify_mark open_by_handle_at",
    ),
)
"""How the second unit differs: the kernel tells of changed files only to CAP_SYS_ADMIN."""
SCRIPTS = ("postinst", "prerm", "postrm")
_CONTROL = """Package: czujka-agent
Version: {version}
Architecture: {architecture}
Maintainer: Czujka <czujka@localhost>
Installed-Size: {kib}
Depends: python3 (>= 3.9), python3-cryptography
Section: admin
Priority: optional
Description: Czujka: agent stacji roboczej
 Wysyła do urządzenia Czujka w urzędzie zdarzenia bezpieczeństwa tego komputera.
 Co dokładnie wysyła, wypisuje polecenie „czujka-agent co-zbieram”.
"""


def name_of(version: str = VERSION, architecture: str = "amd64") -> str:
    """Return the file's name, as Debian forms it."""
    return f"czujka-agent_{version}_{architecture}.deb"


def build(vendored: Sequence[Entry], version: str = VERSION, architecture: str = "amd64") -> bytes:
    """Return the package with the vendored libraries' files; the same input gives the same bytes."""
    control = _CONTROL.replace("{version}", version).replace("{architecture}", architecture)
    return packed(control, _files(vendored), TEMPLATES)


def packed(said: str, files: Sequence[Entry], scripts: Path) -> bytes:
    """Return a package of these files; `{kib}` in what is `said` of it becomes its size, `scripts` is a folder."""
    kib = sum(len(one.data) + 1023 for one in files) // 1024
    control = [Entry("control", said.replace("{kib}", str(kib)).encode()), Entry("md5sums", _sums(files))]
    control += [Entry(name, (scripts / name).read_bytes(), 0o755) for name in SCRIPTS]
    return ar(
        [("debian-binary", b"2.0\n"), ("control.tar.xz", tar_xz(control)), ("data.tar.xz", tar_xz(files))],
    )


def _files(vendored: Sequence[Entry]) -> list[Entry]:
    files = [Entry(f"{LIBRARY}/{one.path}", one.data) for one in agent_files()]
    files += [Entry(f"{LIBRARY}/vendor/{one.path}", one.data) for one in vendored]
    files.append(Entry(f"{LIBRARY}/start.py", START.read_bytes()))
    files.append(Entry("usr/bin/czujka-agent", (TEMPLATES / "czujka-agent").read_bytes(), 0o755))
    files.append(Entry("usr/share/doc/czujka-agent/copyright", (TEMPLATES / "copyright").read_bytes()))
    return files + [Entry(f"usr/lib/systemd/system/{name}", text.encode()) for name, text in units().items()]


def units() -> dict[str, str]:
    """Return the service, and beside it the one to choose in its place for who and when of file changes."""
    usual = (TEMPLATES / UNIT).read_text("utf-8")
    watching = usual
    for old, new in _FIM:
        assert watching.count(old) == 1, old
        watching = watching.replace(old, new)
    return {UNIT: usual, FIM_UNIT: watching}


def _sums(files: Sequence[Entry]) -> bytes:
    lines = [f"{md5(one.data, usedforsecurity=False).hexdigest()}  {one.path}\n" for one in sorted(files)]
    return "".join(lines).encode()
