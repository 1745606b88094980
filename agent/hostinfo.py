"""What the agent says about its host. Names are data only; identity is the certificate."""

from __future__ import annotations

import platform
import socket
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def boot_id(path: Path = _BOOT) -> str:
    """Return this boot's id; a random one where the system has none."""
    try:
        return path.read_text("ascii").strip()[:36] or str(uuid4())
    except (OSError, ValueError):
        return str(uuid4())


def hostname() -> str:
    """Return the host's name, at most 255 characters."""
    return socket.gethostname()[:255]


def system() -> str:
    """Return the operating system's own name for itself, at most 200 characters."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())[:200]
    except OSError:
        return f"{platform.system()} {platform.release()}"[:200]


def machine() -> str:
    """Return a hash that stays the same on this machine and shows nothing of it; empty when it has no machine id."""
    for path in _MACHINE:
        try:
            text = path.read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        if text:
            return sha256(b"czujka-agent:" + text.encode()).hexdigest()
    return ""
