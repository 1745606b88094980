"""The host's audit settings before the agent changed them, on disk so that a killed agent's successor restores."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from agent.sensors.auditnetlink import BACKLOG_LIMIT, BACKLOG_WAIT, ENABLED, FAILURE, IMMUTABLE, Control, Status
from agent.sensors.auditrules import is_ours
from agent.wire.sending.files import write_private


def alive(pid: int) -> bool:
    """Say whether a process of this number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def remember(path: Path, status: Status, boot_id: str) -> Status:
    """Return the settings to restore: those already remembered in this boot, else `status`, now remembered."""
    known = _recall(path, boot_id)
    if known is not None:
        return known
    write_private(path, json.dumps({"boot": boot_id, **status._asdict()}).encode())
    return status


def restore(control: Control, before: Status, path: Path, *, ours: bool) -> None:
    """Unload our rules; put the settings back when we held them (`ours`), which a live audit daemon would now hold."""
    now = control.status()
    if now.enabled != IMMUTABLE:
        for rule in filter(is_ours, control.rules()):
            control.delete_rule(rule)
        if now.enabled != before.enabled and (ours or before.enabled == 0):
            control.set(ENABLED, enabled=before.enabled)
        if ours:
            control.set(
                FAILURE | BACKLOG_LIMIT | BACKLOG_WAIT,
                failure=before.failure,
                backlog_limit=before.backlog_limit,
                wait=before.backlog_wait_time,
            )
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _recall(path: Path, boot_id: str) -> Status | None:
    try:
        data = json.loads(path.read_bytes())
        if data.pop("boot") != boot_id:
            return None
        return Status(**{name: int(value) for name, value in data.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
