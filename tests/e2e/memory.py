"""A sensor's memory, made older than it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.memory import BOOKMARK, packed, unpacked


def eight_days_pass(spool: Path) -> None:
    """Let the sensor remember what it saw as eight days old, and that it has watched for so long."""
    days = 8 * 86_400_000_000
    with closing(sqlite3.connect(spool)) as connection, connection:
        ((value,),) = connection.execute("SELECT value FROM state WHERE name = ?", (f"at:{BOOKMARK}",))
        memory: dict[str, Any] = unpacked(value)
        for name, rows in (("servers", "since"), ("services", "hosts"), ("usual", "usual")):
            memory[name][rows] = [[subject, at - days, *rest] for subject, at, *rest in memory[name][rows]]
        for name in ("devices", "servers", "services", "starvation", "usual"):
            memory[name]["watched"] = days
        connection.execute("UPDATE state SET value = ? WHERE name = ?", (packed(memory), f"at:{BOOKMARK}"))
