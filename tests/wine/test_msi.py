"""The MSI under wine: installed silently with a token, a later one over it, killed, updated, uninstalled."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from agent import __version__
from agent.update import files
from agent.update.state import State, offered
from appliance.packages import msi
from appliance.packages.archive import Entry, zipped
from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.update.offer import Offer, package
from tests.wine.bed import Windows, path

pytestmark = pytest.mark.wine
OLDER, LATER, NEW = "0.0.1", "98.0.0", "99.1.0"
UNINSTALL = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall"
REFUSED = 1603 % 256
"""ERROR_INSTALL_FAILURE, as much of it as a program's exit code has room for here."""


def folder_files(folder: Path) -> list[Entry]:
    found = (one for one in sorted(folder.rglob("*")) if one.is_file() and "__pycache__" not in one.parts)
    return [Entry(one.relative_to(folder).as_posix(), one.read_bytes()) for one in found]


def stops(box: FakeBox) -> list[str]:
    """The reasons of the ends that the agent told of, in the order of their times."""
    told = [one for one in box.seen.records if one["event.action"] == "agent_stopping"]
    return [one["agent.stop_reason"] for one in sorted(told, key=lambda one: one["@timestamp"])]


class Desk:
    """A Windows on which the agent is installed."""

    def __init__(self, windows: Windows, folder: Path) -> None:
        self.windows, self.folder = windows, folder
        self.home = windows.drive / "ProgramData" / "Czujka"
        self.program = windows.drive / "Program Files" / "Czujka"
        self.older, self.installer = folder / msi.name_of(OLDER), folder / msi.name_of()

    def msiexec(self, *arguments: str) -> int:
        """What msiexec starts lives on and would hold a pipe open."""
        with (self.folder / "msiexec.out").open("wb") as out:
            done = subprocess.run(
                ["wine", "msiexec", *arguments], env=self.windows.environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, timeout=180, check=False,
            )  # fmt: skip
        return done.returncode

    def table(self, name: str) -> str:
        """A table of the older installer."""
        told = subprocess.run(["msiinfo", "export", self.older, name], capture_output=True, check=True)
        return told.stdout.decode()

    def children(self) -> list[int]:
        """The agents that run, as processes of this machine."""
        own = str(self.windows.prefix)
        return [
            one.pid
            for one in psutil.process_iter(["cmdline", "environ"])
            if "--until-eof" in (one.info["cmdline"] or ()) and (one.info["environ"] or {}).get("WINEPREFIX") == own
        ]

    def kill(self) -> int:
        (child,) = self.children()
        psutil.Process(child).kill()
        return child

    def products(self) -> list[str]:
        """The versions of the agent among the installed programs."""
        listed = self.windows.run("reg", "query", UNINSTALL, "/s", "/v", "DisplayVersion").stdout
        return re.findall(r"DisplayVersion\s+REG_SZ\s+(\S+)", listed)

    def kept(self) -> tuple[bytes, bytes, int]:
        """What makes the agent the same one to the box: its identity and key, and the file of spool and bookmarks."""
        names = ("identity.json", "agent.key")
        identity, key = ((self.home / name).read_bytes() for name in names)
        return identity, key, (self.home / "spool.db").stat().st_ino

    @property
    def state(self) -> State:
        return files.load(self.home)


@pytest.fixture
def desk(windows: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(windows, tmp_path)
    runtime = zipped(folder_files(windows.python_folder))
    (tmp_path / "python.zip").write_bytes(runtime)
    taken = msi.runtime_files(tmp_path / "python.zip", sha256(runtime).hexdigest())
    vendored = folder_files(windows.wheels)
    made.installer.write_bytes(msi.build(taken, vendored))
    with zipfile.ZipFile(io.BytesIO(package(OLDER))) as archive:
        before = [Entry(name, archive.read(name)) for name in archive.namelist()]
    monkeypatch.setattr(msi, "agent_files", lambda: before)
    made.older.write_bytes(msi.build(taken, vendored, OLDER))
    yield made
    made.msiexec("/x", path(made.installer), "/qn")


def test_from_installation_to_uninstallation(desk: Desk, tmp_path: Path) -> None:
    box = FakeBox(tmp_path / "box")
    beats = box.seen.heartbeats
    try:
        log = tmp_path / "install.log"
        token = box.token()
        assert desk.msiexec("/i", path(desk.older), "/qn", "/l*v", path(log), f"TOKEN={token}") == 0
        until(lambda: beats, 60, "a heartbeat of the service's agent")
        assert beats[-1]["version"] == OLDER
        # wine prints even what Windows hides; that Windows is told to is all that can be seen here.
        assert b"MsiHiddenProperties = TOKEN" in log.read_bytes().replace(b"\0", b"")
        registry = desk.windows.run("reg", "query", r"HKLM\Software\Czujka\Agent").stdout
        assert "Token" not in registry
        assert not (desk.home / "token").exists()

        kept = desk.kept()
        assert desk.msiexec("/i", path(desk.installer), "/qn") == 0
        until(lambda: beats[-1]["version"] == __version__, 60, "a heartbeat of the later version")
        assert (desk.kept(), len(box.seen.enrolments), desk.products()) == (kept, 1, [__version__])
        assert desk.msiexec("/i", path(desk.older), "/qn") == REFUSED
        assert (desk.products(), len(desk.children())) == ([__version__], 1)
        assert "Nowsza wersja" in desk.table("LaunchCondition")
        # wine does not tell a product that it goes for a later one of its kind.
        assert 'Leave\tREMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE' in desk.table("InstallExecuteSequence")

        asked = desk.windows.run("cmd", "/c", r"C:\Program Files\Czujka\czujka-agent.cmd", "status")
        assert "Działa: tak" in asked.stdout

        killed, seen = desk.kill(), len(beats)
        until(lambda: len(beats) > seen and killed not in desk.children(), 60, "a heartbeat after the agent was killed")

        Offer(box, LATER, package(LATER)).command()
        until(lambda: beats[-1]["version"] == LATER, 60, "a heartbeat of a version that was fetched")
        until(lambda: desk.state == State(LATER), 10, "the host's word that it stays")
        box.answers.clear()

        with zipfile.ZipFile(io.BytesIO(package(NEW, __main__=b"import sys\nsys.exit(7)\n"))) as archive:
            archive.extractall(files.versions(desk.home) / NEW)
        files.save(desk.home, offered(desk.state, NEW))
        desk.kill()
        until(lambda: desk.state.failed == NEW, 60, "the host's word that the version was no good")
        until(
            lambda: beats[-1].get("update_failed") == {"version": NEW, "reason": "crashed"}, 60, "the box hears of it"
        )
        assert beats[-1]["version"] == LATER

        assert desk.msiexec("/x", path(desk.installer), "/qn") == 0
        assert not desk.children()
        assert stops(box)[-1] == "uninstall"
        assert not [one.name for one in desk.program.rglob("*")]
        assert (desk.home / "identity.json").exists()
    finally:
        box.down()
