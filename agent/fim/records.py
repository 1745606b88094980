"""A finding as a record on the wire. Pure but for names of users, which are asked of the host."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from agent.fim.entries import Entry
from agent.fim.packages import Doing, is_manager, package_at
from agent.fim.watch import Finding, Who
from agent.wire.event import CREATED, ID, MODULE, TIMESTAMP, Record, event_id

NAME = "czujka.fim"
_MAX_PATH = 4096


class Host(NamedTuple):
    """What records say of the host: the system's name as ECS has it, the baseline's name, and names of users."""

    system: str
    baseline: str
    user: Callable[[str], str | None]


def record_of(finding: Finding, host: Host, log: list[Doing], moved: str, now: int) -> Record:
    """Return the record of a finding at `now` (µs); `log` is what packages were changed, `moved` the old path."""
    at = now if finding.live else _moment(finding.after, now)
    record: Record = {
        MODULE: NAME,
        "event.action": finding.change.action,
        TIMESTAMP: at,
        CREATED: now,
        "host.os.type": host.system,
        "file.path": written(finding.path),
        "fim.live": finding.live,
    }
    if finding.change.parts:
        record["fim.changed"] = list(finding.change.parts)
    state = finding.after or finding.before
    if state is not None:
        record["file.type"] = state.kind
    if finding.after is not None:
        record.update(_state("file", "file.hash.sha256", finding.after, host))
    if finding.before is not None:
        record.update(_state("fim.before", "fim.before.sha256", finding.before, host))
    if moved:
        record["fim.moved_from"] = written(moved)
    if finding.who is not None:
        record.update(_process(finding.who, host))
    record.update(_package(finding, log, at))
    record[ID] = event_id(host.baseline, finding.path.encode("utf-8", "surrogateescape").hex(), *_identity(finding))
    return record


def written(path: str) -> str:
    """Return a path as text: bytes that are no UTF-8 as `\\xNN`, as the audit's records have them."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")[:_MAX_PATH]


def _moment(after: Entry | None, now: int) -> int:
    """Take the change of the inode as the time of what happened unseen; of what is gone nobody knows."""
    return min(now, after.ctime // 1000) if after is not None else now


def _identity(finding: Finding) -> tuple[object, ...]:
    after, before = finding.after, finding.before
    seen = (after.ctime, after.inode, after.size) if after is not None else ()
    was = (before.ctime, before.inode) if before is not None else ()
    return (finding.change.action, *seen, "after", *was)


def _state(prefix: str, hashed: str, entry: Entry, host: Host) -> Record:
    uid, gid = str(entry.uid), str(entry.gid)
    record: Record = {f"{prefix}.mode": f"{stat.S_IMODE(entry.mode):04o}", f"{prefix}.uid": uid, f"{prefix}.gid": gid}
    owner = host.user(uid)
    if owner:
        record[f"{prefix}.owner"] = owner
    if entry.kind == "file":
        record[f"{prefix}.size"] = entry.size
        record[f"{prefix}.mtime"] = entry.mtime // 1000
    if entry.sha256:
        record[hashed] = entry.sha256
    if entry.target:
        record[f"{prefix}.target_path"] = written(entry.target)
    return record


def _process(who: Who, host: Host) -> Record:
    named = {
        "process.executable": who.executable,
        "process.command_line": who.command_line,
        "process.parent.executable": who.parents[0] if who.parents else "",
        "user.id": who.user,
        "user.name": host.user(who.user) if who.user else "",
    }
    record: Record = {name: value for name, value in named.items() if value}
    if who.pid is not None:
        record["process.pid"] = who.pid
    return record


def _package(finding: Finding, log: list[Doing], at: int) -> Record:
    if finding.who is not None:
        by_manager = any(map(is_manager, (finding.who.executable, *finding.who.parents)))
        package = package_at(log, at / 1_000_000) if by_manager else ""
    else:
        package = package_at(log, at / 1_000_000) if finding.after is not None else ""
        by_manager = bool(package)
    record: Record = {"fim.by_package_manager": by_manager}
    if package:
        record["package.name"] = package
    return record
