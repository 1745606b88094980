"""What the agent says about its host. Names are data only; identity is the certificate."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
_PRETTY = re.compile(r"^PRETTY_NAME=(.*)$", re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)")
_MACHINE = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def boot_id(path: Path = _BOOT) -> str:
    """Return this boot's id; a random one where the system has none."""
    if sys.platform == "win32":
        from agent.windows import facts  # noqa: PLC0415 (on Windows alone)

        return facts.boot_id()
    try:
        return path.read_text("ascii").strip()[:36] or os.urandom(16).hex()
    except (OSError, ValueError):
        return os.urandom(16).hex()


def hostname() -> str:
    """Return the host's name, at most 255 characters."""
    return socket.gethostname()[:255]


def system(paths: Sequence[Path] = _RELEASE) -> str:
    """Return the operating system's own name for itself (os-release(5)), at most 200 characters."""
    if sys.platform == "win32":
        from agent.windows import facts  # noqa: PLC0415 (on Windows alone)

        return facts.system()[:200]
    for path in paths:
        try:
            found = _PRETTY.search(path.read_text("utf-8", "replace"))
        except OSError:
            continue
        if found is not None:
            return _ESCAPED.sub(r"\1", found[1].strip("\"'"))[:200]
    kernel = os.uname()
    return f"{kernel.sysname} {kernel.release}"[:200]


def stopping(command: Sequence[str] = ("systemctl", "is-system-running"), seconds: float = 1.0) -> bool | None:
    """Return whether the whole system is being shut down, None where nothing tells (systemctl(1))."""
    import subprocess  # noqa: PLC0415 (once, at the end)

    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    word = done.stdout.decode("ascii", "replace").strip()
    return word == "stopping" if word and word not in {"offline", "unknown"} else None


def machine() -> str:
    """Return a hash that stays the same on this machine and shows nothing of it; empty when it has no machine id."""
    text = _machine_text()
    return sha256(b"czujka-agent:" + text.encode()).hexdigest() if text else ""


def _machine_text() -> str:
    if sys.platform == "win32":
        from agent.windows import facts  # noqa: PLC0415 (on Windows alone)

        return facts.machine_guid()
    for path in _MACHINE:
        try:
            text = path.read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        if text:
            return text
    return ""
