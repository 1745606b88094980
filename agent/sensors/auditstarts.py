"""A program's start as the kernel usually words it, read by one pattern: nearly all that is audited is that. Pure.

What `auditrecords.merge` makes of the same records, at a third of its cost; it reads whatever is worded otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from agent.redact import redact_text
from agent.sensors.auditcalls import ARCHES, syscall_name
from agent.sensors.auditrecords import (
    ABSENT,
    EXECVE,
    MAX_ARG,
    MAX_VALUE,
    PROCTITLE,
    SYSCALL,
    Raw,
    head,
    plain_arguments,
    set_command,
    set_paths,
    text_of,
    unwrapped,
)
from agent.wire.event import Record

_STRING = r"\"[^\"\n]*\"|\w+"
_START = re.compile(
    r"arch=([0-9a-f]{1,8}) syscall=(\d{1,6}) success=yes exit=(-?\d{1,19}) a0=\w+ a1=\w+ a2=\w+ a3=\w+ items=\d+"
    r" ppid=(\d{1,10}) pid=(\d{1,10}) (auid=\d+ uid=\d+ gid=\d+ euid=\d+ suid=\d+ fsuid=\d+ egid=\d+ sgid=\d+ fsgid=\d+"
    rf" tty=[^\s\"']+ ses=\d+) comm=({_STRING}) exe=({_STRING})(?: subj=([^\s\"']{{1,400}}))? key=({_STRING})"
    rf"\nargc=\d+([^\n\[]{{0,{MAX_ARG}}})\ncwd=({_STRING})((?:\nitem=\d[^\n]*){{0,16}})\Z"
)
_PATH = re.compile(
    r"\nitem=\d+ name=(\"[^\"\n]*\"|[0-9A-F]+) inode=\d+ dev=\S+ mode=\d+ ouid=\d+ ogid=\d+ rdev=\S+(?: obj=\S+)?"
    r" nametype=(\w{1,16})"
)
_IDENTITY = {
    "uid": "user.id", "euid": "user.effective.id", "gid": "group.id", "auid": "audit.auid", "ses": "audit.ses",
    "tty": "audit.tty",
}  # fmt: skip


def usual_start(raw: Sequence[Raw]) -> Record | None:
    """Return the record of a program's start, secrets already replaced; None for all that is worded otherwise."""
    if len(raw) < 3 or raw[0][0] != SYSCALL or raw[1][0] != EXECVE:
        return None
    stamp = head(raw[0][1])
    if stamp is None:
        return None
    size = stamp.end()
    texts = [text_of(data, size) for kind, data in raw if kind != PROCTITLE]
    joined = "\n".join(texts)
    found = _START.match(joined)
    if found is None or joined.count("\n") != len(texts) - 1:
        return None
    paths = _PATH.findall(found[13])
    args = plain_arguments(found[11])
    if args is None or len(paths) != len(texts) - 3:
        return None
    record: Record = {
        "event.module": "linux.audit",
        "@timestamp": int(stamp[1]) * 1_000_000 + int(stamp[2]) * 1000,
        "audit.type": "EXECVE",
        "audit.serial": int(stamp[3]),
    }
    _set_call(record, found)
    set_command(record, args)
    cwd = unwrapped(found[12], encoded=True)[:MAX_VALUE]
    record["process.working_directory"] = cwd
    set_paths(record, [(unwrapped(name, encoded=True)[:MAX_VALUE], nametype) for name, nametype in paths])
    return record


def _set_call(record: Record, found: re.Match[str]) -> None:
    arch, number, code, parent, pid, identity, comm, exe, subject, key = found.groups()[:10]
    arch = ARCHES.get(arch, arch)
    record["audit.arch"], record["audit.syscall"] = arch, syscall_name(arch, number)
    record["audit.success"], record["audit.exit"] = True, int(code)
    record["process.pid"], record["process.parent.pid"] = int(pid), int(parent)
    record.update(_identity(identity))
    for name, value in (
        ("process.executable", unwrapped(exe, encoded=True)),
        ("process.name", unwrapped(comm, encoded=True)),
        ("audit.key", unwrapped(key, encoded=True).replace("\x01", ",")),
    ):
        if value not in ABSENT:
            record[name] = value[:MAX_VALUE]
    if subject is not None and subject not in ABSENT:
        record["audit.subj"] = redact_text(subject)


@lru_cache(maxsize=128)
def _identity(text: str) -> tuple[tuple[str, str], ...]:
    """Return who started it: of a few accounts and sessions over and over."""
    values = dict(pair.split("=", 1) for pair in text.split(" "))
    values["tty"] = unwrapped(values["tty"], encoded=True)
    return tuple(
        (_IDENTITY[name], value) for name, value in values.items() if name in _IDENTITY and value not in ABSENT
    )
