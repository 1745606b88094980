"""Debian's audit daemon as a process of its own, with its log in a folder of ours."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.sensors import auditnetlink as netlink
from tests.agent.conditions import until


def program() -> str | None:
    """Return where it is installed."""
    return shutil.which("auditd")


@contextmanager
def running(folder: Path, **settings: str | int) -> Iterator[int]:
    """Run it in the foreground; yield its process number. Settings stand for those of /etc/audit/auditd.conf."""
    found = program()
    assert found is not None
    folder.mkdir(mode=0o750)
    changed = {"log_file": folder / "audit.log", **settings}
    kept = [
        line for line in Path("/etc/audit/auditd.conf").read_text().splitlines() if not line.startswith((*changed,))
    ]
    (folder / "auditd.conf").write_text("\n".join([*kept, *(f"{name} = {one}" for name, one in changed.items()), ""]))
    (folder / "auditd.conf").chmod(0o640)
    control = netlink.Control()
    before = control.status()
    process = subprocess.Popen(
        [found, "-n", "-s", "enable", "-c", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: control.status().pid == process.pid, 10, "auditd")
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)
        control.set(netlink.ENABLED, enabled=before.enabled)
        control.close()
