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


def head(data: bytes) -> re.Match[bytes] | None:
    """Match a record's stamp: seconds, milliseconds, serial; the record's text begins at its end."""
    return _HEAD.match(data)


def stamp(data: bytes) -> bytes:
    """Return the part of a record that names its event, empty when it has none."""
    end = data.find(b")", 0, 48)
    return data[6:end] if end > 6 and data.startswith(b"audit(") else b""


def serial_of(name: bytes) -> int:
    """Return the serial in what `stamp` gave, 0 when it has none."""
    serial = name.rpartition(b":")[2]
    return int(serial) if serial.isdigit() and len(serial) < 20 else 0


def parse_line(kind: int, data: bytes) -> Line | None:
    """Read one record as the kernel sends it; None when it carries no stamp."""
    found = head(data)
    if found is None:
        return None
    at = int(found[1]) * 1_000_000 + int(found[2]) * 1000
    return Line(kind, at, int(found[3]), text_of(data, found.end()))


def parse_lines(raw: Sequence[Raw]) -> list[Line]:
    """Read the records of one event, which share their stamp; those without one are left out."""
    lines: list[Line] = []
    begin, at, serial = b"", 0, 0
    for kind, data in raw:
        if begin and data.startswith(begin):
            lines.append(Line(kind, at, serial, text_of(data, len(begin))))
        elif (line := parse_line(kind, data)) is not None:
            lines.append(line)
            begin, at, serial = data[: data.index(b": ") + 2] if b": " in data[:56] else b"", line.at, line.serial
    return lines


def text_of(data: bytes, start: int) -> str:
    """Return a record's text behind its stamp, which ends at `start`."""
    return data[start:].rstrip(b"\0\n").decode("utf-8", "backslashreplace")


def fields(text: str) -> dict[str, str]:
    """Return a record's fields by name, without quotes, string fields decoded; of equal names the last counts."""
    found: dict[str, str] = dict(_FIELD.findall(text.replace("\x1d", " ")))
    for name, value in found.items():
        if name in _ENCODED or value[:1] in _QUOTES:
            found[name] = unwrapped(value, encoded=name in _ENCODED)
    return found


def unwrapped(value: str, *, encoded: bool) -> str:
    """Return a field's value without its quotes; an `encoded` one without quotes is hex when it looks like hex."""
    if len(value) >= 2 and value[0] in _QUOTES and value[-1] == value[0]:
        return value[1:-1]
    return decode(value) if encoded else value


def decode(value: str) -> str:
    """Return the text of a string field that is not quoted: hex when it looks like hex."""
    return bytes.fromhex(value).decode("utf-8", "backslashreplace") if _HEX.match(value) else value


def arguments(lines: Iterable[Line]) -> tuple[list[str], bool]:
    """Return a command's arguments from its EXECVE records, and whether any had to be cut."""
    texts = [line.text for line in lines]
    plain = plain_arguments(texts[0]) if len(texts) == 1 and len(texts[0]) <= MAX_ARG else None
    if plain is not None:
        return plain, False
    return _bounded((number, unwrapped(value, encoded=True)) for text in texts for number, value in _ARG.findall(text))


def plain_arguments(text: str) -> list[str] | None:
    """Return the arguments of one EXECVE record of at most `MAX_ARG` characters; None for parts and for too many."""
    found = _ARG.findall(text)
    if len(found) > MAX_ARGS or "[" in text:
        return None
    return [unwrapped(value, encoded=True) for _, value in found]


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
    _merge_main(record, first, registers=not commands)
    if commands:
        args, cut = arguments(commands)
        set_command(record, args)
        if cut:
            record["process.args_truncated"] = True
    _merge_rest(record, lines, first)
    return record


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
ABSENT = frozenset({"", "?", "(none)", "(null)", UNSET})
"""Values that say that there is none."""


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
        if value not in ABSENT:
            record[target] = value[:MAX_VALUE]
    for name, target in _NUMBERS.items():
        value = values.get(name, "")
        if value.isascii() and value.isdigit() and len(value) <= 10:
            record[target] = int(value)
    key = values.get("key", "")
    if key not in ABSENT:
        record["audit.key"] = key.replace("\x01", ",")[:MAX_VALUE]


def _others(record: Record, values: dict[str, str], skipped: frozenset[str]) -> None:
    """Keep what has no name of its own as `audit.<field>`."""
    for name, value in values.items():
        if name not in skipped and value not in ABSENT and len(record) < 64:
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


def set_command(record: Record, args: Sequence[str]) -> None:
    """Put a command's arguments into its record, their secrets replaced."""
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
                paths.append((unwrapped(found[1], encoded=True)[:MAX_VALUE], found[2] or ""))
        elif kind == SOCKADDR:
            record.update(_address(text))
        elif kind == CWD and text.startswith("cwd=") and line is not first:
            record["process.working_directory"] = unwrapped(text[4:], encoded=True)[:MAX_VALUE]
        elif kind == PROCTITLE and text.startswith("proctitle=") and "process.args" not in record:
            title = unwrapped(text[10:], encoded=True)
            set_command(record, title[:MAX_ARG].split("\0")[:MAX_ARGS])
    set_paths(record, paths)


def set_paths(record: Record, paths: Sequence[tuple[str, str]]) -> None:
    """Put the paths of an event, with what each was to it, into its record: absolute where the folder is known."""
    if paths:
        cwd = str(record.get("process.working_directory", "")).rstrip("/")
        record["file.path"] = [path if path.startswith("/") or not cwd else f"{cwd}/{path}" for path, _ in paths]
        record["audit.nametype"] = [nametype for _, nametype in paths]
