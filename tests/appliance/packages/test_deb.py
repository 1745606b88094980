"""The Debian package: the same bytes twice, small, and installed, upgraded, removed and purged by dpkg."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent import __version__
from agent.wire.sending.home import AgentHome, Identity
from appliance.packages import deb
from appliance.packages.archive import Entry

BOUND = 1_000_000


class Root:
    """A root folder that dpkg installs into, maintainer scripts included (`DPKG_ROOT`), without being root itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "var/lib/dpkg").mkdir(parents=True)
        (folder / "var/lib/dpkg/status").touch()
        self.home = folder / "var/lib/czujka-agent"

    def dpkg(self, *arguments: str) -> None:
        command = [
            "dpkg", f"--root={self.folder}", "--force-script-chrootless", "--force-not-root", "--force-depends",
            "--force-bad-path", "--force-unsafe-io", f"--log={self.folder}/log", *arguments,
        ]  # fmt: skip
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/sbin"])
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
        assert done.returncode == 0, done.stdout + done.stderr

    def install(self, data: bytes, version: str) -> None:
        package = self.folder / deb.name_of(version)
        package.write_bytes(data)
        self.dpkg("--install", str(package))
        package.unlink()

    def agent(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", f"{self.folder}/usr/lib/czujka-agent/start.py", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    def present(self) -> set[str]:
        kept = ("var/lib/dpkg/", "log")
        found = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return {path for path in found if not path.startswith(kept)}


def test_the_same_sources_give_the_same_bytes(
    vendored: list[Entry], built: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert deb.build(list(reversed(vendored))) == built


def test_the_package_is_small(built: bytes) -> None:
    assert len(built) < BOUND


def test_dpkg_reads_what_it_says_of_itself(built: bytes, tmp_path: Path) -> None:
    path = tmp_path / deb.name_of()
    path.write_bytes(built)
    told = subprocess.run(["dpkg-deb", "-f", path], capture_output=True, text=True, check=True).stdout
    assert f"Version: {__version__}\n" in told
    assert "Depends: python3 (>= 3.9), python3-cryptography\n" in told
    listed = subprocess.run(["dpkg-deb", "-c", path], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}


def test_install_upgrade_remove_and_purge(built: bytes, tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.install(deb.build([Entry("agent_extra/one.py", b"x = 1\n")], "0.0.1"), "0.0.1")
    assert "usr/lib/czujka-agent/vendor/agent_extra/one.py" in root.present()
    assert (root.home.stat().st_mode & 0o777) == 0o700
    home = AgentHome(root.home)
    home.save_identity(Identity("an-agent", ("https://czujka",), 1, 2))
    home.spool.write_bytes(b"what waits")

    root.install(built, __version__)
    assert root.agent("--version").stdout.strip() == __version__
    assert "an-agent" in root.agent("status", "--home", str(root.home)).stdout
    left = [name for name in root.present() if "agent_extra" in name]
    assert not left, "an upgrade leaves nothing of the former version"
    assert home.identity() == Identity("an-agent", ("https://czujka",), 1, 2)
    assert home.spool.read_bytes() == b"what waits"

    root.dpkg("--remove", "czujka-agent")
    assert {name for name in root.present() if not name.startswith("var/lib/czujka-agent/")} == set()
    assert home.identity() is not None
    root.dpkg("--purge", "czujka-agent")
    assert not root.home.exists()


def test_only_the_unit_of_file_changes_has_the_widest_capability() -> None:
    assert "CAP_SYS_ADMIN" not in deb.units()[deb.UNIT]
    assert f"Conflicts={deb.UNIT}" in deb.units()[deb.FIM_UNIT]


@pytest.mark.parametrize(("name", "most"), [(deb.UNIT, 30), (deb.FIM_UNIT, 33)])
def test_a_unit_is_hardened(tmp_path: Path, name: str, most: int) -> None:
    unit = tmp_path / name
    unit.write_text(deb.units()[name], "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={most}", "--no-pager", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
