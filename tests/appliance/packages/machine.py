"""A machine on which the real systemd runs the real units: namespaces over a view of this one, gone with the test."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import psutil

from tests.agent.conditions import until

SCRIPT = Path(__file__).with_name("machine.sh")
SECONDS = 60.0


class Machine:
    """A booted machine; `folder` is an empty folder of this one that it may mount over."""

    def __init__(self, folder: Path) -> None:
        self._said = folder.with_name(f"{folder.name}.log")
        with self._said.open("wb") as said:
            self._started = subprocess.Popen(["sh", SCRIPT, folder], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        self._first = 0
        try:
            until(self._booted, SECONDS, "systemd")
        except AssertionError as error:
            self.close()
            raise AssertionError(self._said.read_text("utf-8", "replace")[-2000:]) from error

    def _booted(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._started.pid).children():
                if child.name() == "systemd":
                    self._first = child.pid
        return bool(self._first) and self.run("systemctl", "is-system-running").stdout.strip() == "running"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program there to its end."""
        enter = ["nsenter", "-t", str(self._first), "-m", "-p", "-u", "-i", "-C", "-r", "-w"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, timeout=SECONDS, check=False)

    def state(self, unit: str) -> dict[str, str]:
        """Return what systemd says of a unit."""
        names = "ActiveState,UnitFileState,LoadState,MainPID,NRestarts,StatusErrno"
        told = self.run("systemctl", "show", unit, f"--property={names}").stdout
        return dict(line.partition("=")[::2] for line in told.splitlines())

    def path(self, inside: str) -> Path:
        """Return where a file of that machine lies as this one sees it."""
        return Path(f"/proc/{self._first}/root{inside}")

    def close(self) -> None:
        """End everything that runs there."""
        if self._first:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(self._first).kill()
        else:
            self._started.kill()
        self._started.wait(SECONDS)
        groups = sorted(Path("/sys/fs/cgroup").rglob(f"czujka-{self._started.pid}"))
        for group in groups:
            for folder in sorted((one for one in group.rglob("*") if one.is_dir()), reverse=True):
                _remove(folder)
            _remove(group)


def _remove(group: Path) -> None:
    # The kernel takes a moment to let go of the last process.
    def gone() -> bool:
        with contextlib.suppress(OSError):
            group.rmdir()
        return not group.exists()

    until(gone, SECONDS, f"the end of {group}")
