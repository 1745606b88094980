"""A finding as a record on the wire. Pure but for names of users, which are asked of the host."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import NamedTuple

from agent.fim.entries import ATTRIBUTE_BITS, Entry
from agent.fim.packages import is_manager
from agent.fim.watch import Finding, Who
from agent.wire.event import CREATED, ID, MODULE, TIMESTAMP, Record, event_id

NAME = "czujka.fim"
WINDOWS = "windows"
_MAX_PATH = 4096
Packages = Callable[[float], str]
"""Returns the package that was being installed at a moment (s), empty for none."""


class Host(NamedTuple):
    """What records say of the host: the system's name as ECS has it, the baseline's name, and names of users."""

    system: str
    baseline: str
    user: Callable[[str], str | None]
    is_manager: Callable[[str], bool] = is_manager


def record_of(finding: Finding, host: Host, packages: Packages, moved: str, now: int) -> Record:
    """Return the record of a finding at `now` (µs); `packages` tells what was installed when, `moved` the old path."""
    at = now if finding.live else _moment(finding.after, now)
    record: Record = {
        MODULE: NAME,
        "event.action": finding.change.action,
        TIMESTAMP: at,
        CREATED: now,
        "host.os.type": host.system,
        "file.path": _path(finding.path, host),
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
        record["fim.moved_from"] = _path(moved, host)
    if finding.who is not None:
        record.update(_process(finding.who, host))
    record.update(_package(finding, host, packages, at))
    record[ID] = event_id(host.baseline, _raw(finding.path, host).hex(), *_identity(finding))
    return record


def _raw(path: str, host: Host) -> bytes:
    """Return a path's bytes: half of a surrogate pair is a name that Windows allows, elsewhere it is an odd byte."""
    return path.encode("utf-8", "surrogatepass" if host.system == WINDOWS else "surrogateescape")


def _path(path: str, host: Host) -> str:
    text = _written(_raw(path, host))
    return text.replace("/", "\\") if host.system == WINDOWS else text


def _written(path: bytes) -> str:
    """Return a path as text: bytes that are no UTF-8 as `\\xNN`, as the audit's records have them."""
    return path.decode("utf-8", "backslashreplace")[:_MAX_PATH]


def _moment(after: Entry | None, now: int) -> int:
    """Take the change of the inode as the time of what happened unseen; of what is gone nobody knows."""
    return min(now, after.ctime // 1000) if after is not None else now


def _identity(finding: Finding) -> tuple[object, ...]:
    after, before = finding.after, finding.before
    seen = (after.ctime, after.inode, after.size) if after is not None else ()
    was = (before.ctime, before.inode) if before is not None else ()
    return (finding.change.action, *seen, "after", *was)


def _state(prefix: str, hashed: str, entry: Entry, host: Host) -> Record:
    record = _windows_rights(prefix, entry) if host.system == WINDOWS else _rights(prefix, entry, host)
    if entry.kind == "file":
        record[f"{prefix}.size"] = entry.size
        record[f"{prefix}.mtime"] = entry.mtime // 1000
    if entry.sha256:
        record[hashed] = entry.sha256
    if entry.target:
        record[f"{prefix}.target_path"] = _path(entry.target, host)
    return record


def _rights(prefix: str, entry: Entry, host: Host) -> Record:
    uid, gid = str(entry.uid), str(entry.gid)
    record: Record = {f"{prefix}.mode": f"{stat.S_IMODE(entry.mode):04o}", f"{prefix}.uid": uid, f"{prefix}.gid": gid}
    owner = host.user(uid)
    if owner:
        record[f"{prefix}.owner"] = owner
    return record


def _windows_rights(prefix: str, entry: Entry) -> Record:
    record: Record = {}
    attributes = [name for bit, name in ATTRIBUTE_BITS.items() if entry.mode & bit]
    if attributes:
        record[f"{prefix}.attributes"] = list(attributes)
    if entry.rights:
        record["fim.rights" if prefix == "file" else f"{prefix}.rights"] = entry.rights
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


def _package(finding: Finding, host: Host, packages: Packages, at: int) -> Record:
    if finding.who is not None:
        by_manager = any(map(host.is_manager, (finding.who.executable, *finding.who.parents)))
        package = packages(at / 1_000_000) if by_manager else ""
    else:
        package = packages(at / 1_000_000) if finding.after is not None else ""
        by_manager = bool(package)
    record: Record = {"fim.by_package_manager": by_manager}
    if package:
        record["package.name"] = package
    return record
