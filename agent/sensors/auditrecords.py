"""The kernel's audit records: text lines to one flat record an event. Pure.

Format facts: the kernel's `audit(SECONDS.MILLIS:SERIAL): key=value …`; strings quoted, or hex when they hold a quote,
blank or control byte; long arguments come as `a3_len=… a3[0]=…` over several EXECVE records.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agent.redact import redact_args, redact_text
from agent.sensors.auditcalls import ARCHES, syscall_name
from agent.sensors.auditnames import TYPES
from agent.wire.event import Record

MAX_ARGS = 512
"""Arguments of one command that are kept."""
MAX_ARG = 8192
"""Characters of one argument that are kept."""
MAX_COMMAND = 32768
"""Characters of one command's arguments together that are kept."""
MAX_PATHS = 16
MAX_VALUE = 4096
UNSET = "4294967295"

Raw = tuple[int, bytes]
"""One audit record as the kernel sends it: its kind and its text."""
SYSCALL, PATH, SOCKADDR, CWD, EXECVE, EOE, PROCTITLE = 1300, 1302, 1306, 1307, 1309, 1320, 1327
USER_TTY, TTY = 1124, 1319
_HEAD = re.compile(rb"audit\((\d{1,11})\.(\d{3}):(\d{1,19})\): ?")
_FIELD = re.compile(r"([A-Za-z_][\w-]{0,40}(?:\[\d{1,6}\])?)=(\"[^\"]*\"|'.*'|\S*)", re.DOTALL)
_PATH = re.compile(r"\bname=(\"[^\"]*\"|[^\s\"]*)(?:.*? nametype=(\w{1,16}))?")
_ARG = re.compile(r"(?<![\w\[\]-])a(\d{1,6})(?:\[\d{1,6}\])?=(\"[^\"]*\"|\S*)")
_START = re.compile(
    r"arch=([0-9a-f]{1,8}) syscall=(\d{1,6}) success=yes exit=(-?\d{1,19}) a0=\w+ a1=\w+ a2=\w+ a3=\w+ items=\d+"
    r" ppid=(\d{1,10}) pid=(\d{1,10}) auid=(\d+) uid=(\d+) gid=(\d+) euid=(\d+) suid=\d+ fsuid=\d+ egid=\d+ sgid=\d+"
    r" fsgid=\d+ tty=([^\s\"']+) ses=(\d+) comm=(\"[^\"]*\"|\w+)"
    r" exe=(\"[^\"]*\"|\w+)(?: subj=([^\s\"']{1,400}))? key=(\"[^\"]*\"|\w+)\Z"
)
"""The SYSCALL record of a program's start as the kernel words it; any other wording goes the general way."""
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
_SADDR = re.compile(r"\bsaddr=((?:[0-9A-Fa-f]{2}){2,128})(?![0-9A-Fa-f])")
_QUOTES = frozenset("\"'")
_ENCODED = frozenset(
    {"name", "cwd", "proctitle", "comm", "exe", "key", "acct", "cmd", "data", "tty", "terminal", "grp"}
)


class Line(NamedTuple):
    """One audit record: its kind, when (µs), its event's serial, and the text after the stamp."""

    kind: int
    at: int
    serial: int
    text: str


def stamp(data: bytes) -> bytes:
    """Return the part of a record that names its event, empty when it has none."""
    end = data.find(b")", 0, 48)
    return data[6:end] if end > 6 and data.startswith(b"audit(") else b""


def parse_line(kind: int, data: bytes) -> Line | None:
    """Read one record as the kernel sends it; None when it carries no stamp."""
    head = _HEAD.match(data)
    if head is None:
        return None
    at = int(head[1]) * 1_000_000 + int(head[2]) * 1000
    return Line(kind, at, int(head[3]), _text(data, head.end()))


def parse_lines(raw: Sequence[Raw]) -> list[Line]:
    """Read the records of one event, which share their stamp; those without one are left out."""
    lines: list[Line] = []
    head, at, serial = b"", 0, 0
    for kind, data in raw:
        if head and data.startswith(head):
            lines.append(Line(kind, at, serial, _text(data, len(head))))
        elif (line := parse_line(kind, data)) is not None:
            lines.append(line)
            head, at, serial = data[: data.index(b": ") + 2] if b": " in data[:56] else b"", line.at, line.serial
    return lines


def _text(data: bytes, start: int) -> str:
    return data[start:].rstrip(b"\0\n").decode("utf-8", "backslashreplace")


def fields(text: str) -> dict[str, str]:
    """Return a record's fields by name, without quotes, string fields decoded; of equal names the last counts."""
    found: dict[str, str] = dict(_FIELD.findall(text.replace("\x1d", " ")))
    for name, value in found.items():
        if name in _ENCODED or value[:1] in _QUOTES:
            found[name] = _unwrapped(value, encoded=name in _ENCODED)
    return found


def _unwrapped(value: str, *, encoded: bool) -> str:
    if len(value) >= 2 and value[0] in _QUOTES and value[-1] == value[0]:
        return value[1:-1]
    return decode(value) if encoded else value


def decode(value: str) -> str:
    """Return the text of a string field that is not quoted: hex when it looks like hex."""
    return bytes.fromhex(value).decode("utf-8", "backslashreplace") if _HEX.match(value) else value


def arguments(lines: Iterable[Line]) -> tuple[list[str], bool]:
    """Return a command's arguments from its EXECVE records, and whether any had to be cut."""
    texts = [line.text for line in lines]
    found = [(number, _unwrapped(value, encoded=True)) for text in texts for number, value in _ARG.findall(text)]
    if len(texts) == 1 and len(texts[0]) <= MAX_ARG and len(found) <= MAX_ARGS and "[" not in texts[0]:
        return [value for _, value in found], False
    return _bounded(found)


def _bounded(found: Iterable[tuple[str, str]]) -> tuple[list[str], bool]:
    """Join the parts of long arguments and keep to the bounds."""
    parts: dict[int, list[str]] = {}
    cut, room = False, MAX_COMMAND
    for number, text in found:
        index = int(number)
        kept = parts.setdefault(index, []) if index < MAX_ARGS else None
        have = sum(map(len, kept)) if kept else 0
        allowed = 0 if kept is None else max(0, min(MAX_ARG - have, room))
        cut = cut or len(text) > allowed
        if kept is not None:
            kept.append(text[:allowed])
        room -= min(len(text), allowed)
    return ["".join(parts[index]) for index in sorted(parts)], cut


def merge(lines: Sequence[Line]) -> Record | None:
    """Return one record for the lines of one audit event, secrets already replaced; None for nothing useful.

    Users are numbers here; names and parents are added by whoever knows this host.
    """
    commands = [line for line in lines if line.kind == EXECVE]
    first = next((line for line in lines if line.kind == SYSCALL), lines[0] if lines else None)
    if first is None or all(line.kind == EOE for line in lines):
        return None
    main = EXECVE if commands else first.kind
    record: Record = {
        "event.module": "linux.audit",
        "@timestamp": first.at,
        "audit.type": TYPES.get(main, f"UNKNOWN[{main}]"),
        "audit.serial": first.serial,
    }
    start = _START.match(first.text) if commands else None
    if start is not None:
        _merge_start(record, start)
    else:
        _merge_main(record, first, registers=not commands)
    if commands:
        args, cut = arguments(commands)
        _set_command(record, args)
        if cut:
            record["process.args_truncated"] = True
    _merge_rest(record, lines, first)
    return record


def _merge_start(record: Record, found: re.Match[str]) -> None:
    """Do what `_merge_main` does, at a quarter of its cost: program starts are nearly all that is audited."""
    arch, number, code, parent, pid, auid, uid, gid, euid, tty, ses, comm, exe, subject, key = found.groups()
    arch = ARCHES.get(arch, arch)
    record["audit.arch"], record["audit.syscall"] = arch, syscall_name(arch, number)
    record["audit.success"], record["audit.exit"] = True, int(code)
    record["process.pid"], record["process.parent.pid"] = int(pid), int(parent)
    for name, value in (
        ("process.executable", _unwrapped(exe, encoded=True)),
        ("process.name", _unwrapped(comm, encoded=True)),
        ("user.id", uid),
        ("user.effective.id", euid),
        ("group.id", gid),
        ("audit.auid", auid),
        ("audit.ses", ses),
        ("audit.tty", decode(tty)),
        ("audit.key", _unwrapped(key, encoded=True).replace("\x01", ",")),
    ):
        if value not in _ABSENT:
            record[name] = value[:MAX_VALUE]
    if subject not in _ABSENT and subject is not None:
        record["audit.subj"] = redact_text(subject)


def _merge_main(record: Record, line: Line, *, registers: bool) -> None:
    values = fields(line.text)
    inner = values.pop("msg", None)
    if inner is not None:
        values.update(fields(inner))
    if line.kind == SYSCALL:
        _syscall(record, values, registers=registers)
    if line.kind in {TTY, USER_TTY}:  # what was typed is nobody's business; that typing is recorded, is
        values.pop("data", None)
    _known(record, values)
    _others(record, values, _SKIPPED if line.kind == SYSCALL else _NAMED_ELSEWHERE)


_DIRECT = {
    "exe": "process.executable",
    "comm": "process.name",
    "uid": "user.id",
    "euid": "user.effective.id",
    "gid": "group.id",
    "auid": "audit.auid",
    "ses": "audit.ses",
    "tty": "audit.tty",
    "cwd": "process.working_directory",
    "addr": "source.address",
}
_NUMBERS = {"pid": "process.pid", "ppid": "process.parent.pid"}
_NAMED_ELSEWHERE = frozenset({*_DIRECT, *_NUMBERS, "key"})
_SKIPPED = _NAMED_ELSEWHERE | {
    "items", "suid", "fsuid", "egid", "sgid", "fsgid", "a0", "a1", "a2", "a3", "arch", "syscall", "success", "exit",
}  # fmt: skip
_REGISTERS = {f"a{number}": f"audit.syscall.a{number}" for number in range(4)}
_ABSENT = frozenset({"", "?", "(none)", "(null)", UNSET})


def _syscall(record: Record, values: dict[str, str], *, registers: bool) -> None:
    """Name the system call; its `registers` are addresses, which say nothing of a program's start."""
    arch = ARCHES.get(values.get("arch", ""), values.get("arch", ""))
    number = values.get("syscall", "")
    record["audit.arch"] = arch
    record["audit.syscall"] = syscall_name(arch, number)
    if "success" in values:
        record["audit.success"] = values["success"] == "yes"
    if values.get("exit", "").lstrip("-").isdigit():
        record["audit.exit"] = int(values["exit"][:20])
    if registers:
        record.update((target, values[name][:32]) for name, target in _REGISTERS.items() if name in values)


def _known(record: Record, values: dict[str, str]) -> None:
    for name, target in _DIRECT.items():
        value = values.get(name, "")
        if value not in _ABSENT:
            record[target] = value[:MAX_VALUE]
    for name, target in _NUMBERS.items():
        value = values.get(name, "")
        if value.isascii() and value.isdigit() and len(value) <= 10:
            record[target] = int(value)
    key = values.get("key", "")
    if key not in _ABSENT:
        record["audit.key"] = key.replace("\x01", ",")[:MAX_VALUE]


def _others(record: Record, values: dict[str, str], skipped: frozenset[str]) -> None:
    """Keep what has no name of its own as `audit.<field>`."""
    for name, value in values.items():
        if name not in skipped and value not in _ABSENT and len(record) < 64:
            record[f"audit.{name}"] = redact_text(value[:MAX_VALUE])


def _address(text: str) -> Record:
    """Return a connection's destination; struct sockaddr_in and sockaddr_in6 stand in ip(7) and ipv6(7)."""
    found = _SADDR.search(text)
    data = bytes.fromhex(found[1]) if found is not None else b""
    family = int.from_bytes(data[:2], sys.byteorder)
    if family == socket.AF_INET and len(data) >= 8:
        address = socket.inet_ntop(socket.AF_INET, data[4:8])
    elif family == socket.AF_INET6 and len(data) >= 24:
        address = socket.inet_ntop(socket.AF_INET6, data[8:24]).removeprefix("::ffff:")
    else:
        return {}
    return {"destination.ip": address, "destination.port": int.from_bytes(data[2:4], "big")}


def _set_command(record: Record, args: Sequence[str]) -> None:
    clean = redact_args(args)
    record["process.args"] = [*clean]
    record["process.args_count"] = len(clean)
    record["process.command_line"] = " ".join(clean)


def _merge_rest(record: Record, lines: Sequence[Line], first: Line) -> None:
    paths: list[tuple[str, str]] = []
    for line in lines:
        kind, text = line.kind, line.text
        if kind == PATH:
            found = _PATH.search(text) if line is not first and len(paths) < MAX_PATHS else None
            if found is not None and found[1] != "(null)":
                paths.append((_unwrapped(found[1], encoded=True)[:MAX_VALUE], found[2] or ""))
        elif kind == SOCKADDR:
            record.update(_address(text))
        elif kind == CWD and text.startswith("cwd=") and line is not first:
            record["process.working_directory"] = _unwrapped(text[4:], encoded=True)[:MAX_VALUE]
        elif kind == PROCTITLE and text.startswith("proctitle=") and "process.args" not in record:
            title = _unwrapped(text[10:], encoded=True)
            _set_command(record, title[:MAX_ARG].split("\0")[:MAX_ARGS])
    if paths:
        cwd = str(record.get("process.working_directory", "")).rstrip("/")
        record["file.path"] = [path if path.startswith("/") or not cwd else f"{cwd}/{path}" for path, _ in paths]
        record["audit.nametype"] = [nametype for _, nametype in paths]
