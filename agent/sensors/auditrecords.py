"""The kernel's audit records: text lines to one flat record an event. Pure.

Format facts: the kernel's `audit(SECONDS.MILLIS:SERIAL): key=value …`; strings quoted, or hex when they hold a quote,
blank or control byte; long arguments come as `a3_len=… a3[0]=…` over several EXECVE records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent.redact import redact_args, redact_text
from agent.sensors.auditnames import ARCHES, TYPES, syscall_name
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

SYSCALL, PATH, CWD, EXECVE, EOE, PROCTITLE = 1300, 1302, 1307, 1309, 1320, 1327
_HEAD = re.compile(rb"audit\((\d{1,11})\.(\d{3}):(\d{1,19})\): ?")
_FIELD = re.compile(r"([A-Za-z_][\w-]{0,40}(?:\[\d{1,6}\])?)=(\"[^\"]*\"|'.*'|\S*)", re.DOTALL)
_NAMED = re.compile(r"\b(name|cwd|proctitle|nametype)=(\"[^\"]*\"|[^\s\"]*)")
_ARG = re.compile(r"a(\d{1,6})(?:\[(\d{1,6})\])?\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
_ENCODED = frozenset(
    {"name", "cwd", "proctitle", "comm", "exe", "key", "acct", "cmd", "data", "tty", "terminal", "grp"}
)


@dataclass(frozen=True, slots=True)
class Line:
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
    text = data[head.end() :].rstrip(b"\0\n").decode("utf-8", "backslashreplace")
    return Line(kind, at, int(head[3]), text)


def fields(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield name, raw value without quotes, and whether it was quoted, for each field of a record's text."""
    for found in _FIELD.finditer(text.replace("\x1d", " ")):
        value = found[2]
        if len(value) >= 2 and value[0] in "\"'" and value[-1] == value[0]:
            yield found[1], value[1:-1], True
        else:
            yield found[1], value, False


def decode(value: str, *, quoted: bool) -> str:
    """Return the text of a string field: hex when it is not quoted and looks like hex."""
    if quoted or not _HEX.match(value):
        return value
    return bytes.fromhex(value).decode("utf-8", "backslashreplace")


def arguments(lines: Iterable[Line]) -> tuple[list[str], bool]:
    """Return a command's arguments from its EXECVE records, and whether any had to be cut."""
    parts: dict[int, list[str]] = {}
    cut, room = False, MAX_COMMAND
    for line in lines:
        for name, value, quoted in fields(line.text):
            found = _ARG.match(name)
            if found is None:
                continue
            index = int(found[1])
            kept = parts.setdefault(index, []) if index < MAX_ARGS else None
            have = sum(map(len, kept)) if kept else 0
            text = decode(value, quoted=quoted)
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
    kinds = {line.kind for line in lines}
    if not lines or kinds == {EOE}:
        return None
    first = next((line for line in lines if line.kind == SYSCALL), lines[0])
    main = EXECVE if EXECVE in kinds else first.kind
    record: Record = {
        "event.module": "linux.audit",
        "@timestamp": first.at,
        "audit.type": TYPES.get(main, f"UNKNOWN[{main}]"),
        "audit.serial": first.serial,
    }
    _merge_main(record, first)
    if EXECVE in kinds:
        args, cut = arguments(line for line in lines if line.kind == EXECVE)
        _set_command(record, args)
        if cut:
            record["process.args_truncated"] = True
    _merge_rest(record, lines, first)
    return record


def _merge_main(record: Record, line: Line) -> None:
    raw = {name: (value, quoted) for name, value, quoted in fields(line.text)}
    inner = raw.pop("msg", None)
    values = {name: decode(v, quoted=q) if name in _ENCODED else v for name, (v, q) in raw.items()}
    if inner is not None:
        values.update({n: decode(v, quoted=q) if n in _ENCODED else v for n, v, q in fields(inner[0])})
    if line.kind == SYSCALL:
        _syscall(record, values)
    _known(record, values)
    _others(record, values)


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
_SKIPPED = frozenset(
    {
        "items",
        "suid",
        "fsuid",
        "egid",
        "sgid",
        "fsgid",
        "a0",
        "a1",
        "a2",
        "a3",
        "arch",
        "syscall",
        "success",
        "exit",
        "key",
    }
)
_ABSENT = frozenset({"", "?", "(none)", "(null)", UNSET})


def _syscall(record: Record, values: dict[str, str]) -> None:
    arch = ARCHES.get(values.get("arch", ""), values.get("arch", ""))
    number = values.get("syscall", "")
    record["audit.arch"] = arch
    record["audit.syscall"] = syscall_name(arch, number)
    if "success" in values:
        record["audit.success"] = values["success"] == "yes"
    if values.get("exit", "").lstrip("-").isdigit():
        record["audit.exit"] = int(values["exit"][:20])
    for name in ("a0", "a1", "a2", "a3"):
        if name in values:
            record[f"audit.syscall.{name}"] = values[name][:32]


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


def _others(record: Record, values: dict[str, str]) -> None:
    """Keep what has no name of its own as `audit.<field>`, except what SYSCALL repeats."""
    for name, value in values.items():
        skipped = name in _SKIPPED and "audit.syscall" in record
        if skipped or name in _DIRECT or name in _NUMBERS or name == "key" or value in _ABSENT:
            continue
        if len(record) < 64:
            record[f"audit.{name}"] = redact_text(value[:MAX_VALUE])


def _set_command(record: Record, args: Sequence[str]) -> None:
    clean = redact_args(args)
    record["process.args"] = list(clean)
    record["process.args_count"] = len(clean)
    record["process.command_line"] = " ".join(clean)


def _named(text: str) -> dict[str, str]:
    """Return only the fields of a PATH, CWD or PROCTITLE record that are kept."""
    return {
        found[1]: found[2][1:-1] if found[2].startswith('"') else decode(found[2], quoted=False)
        for found in _NAMED.finditer(text)
    }


def _merge_rest(record: Record, lines: Sequence[Line], first: Line) -> None:
    paths: list[str] = []
    kinds: list[str] = []
    for line in lines:
        if line is first or line.kind == EXECVE:
            continue
        values = _named(line.text)
        if line.kind == CWD and "cwd" in values:
            record["process.working_directory"] = values["cwd"][:MAX_VALUE]
        elif line.kind == PATH and len(paths) < MAX_PATHS and values.get("name", "(null)") != "(null)":
            paths.append(values["name"][:MAX_VALUE])
            kinds.append(values.get("nametype", "")[:16])
        elif line.kind == PROCTITLE and "process.args" not in record and "proctitle" in values:
            _set_command(record, values["proctitle"][:MAX_ARG].split("\0")[:MAX_ARGS])
    if paths:
        cwd = str(record.get("process.working_directory", "")).rstrip("/")
        record["file.path"] = [path if path.startswith("/") or not cwd else f"{cwd}/{path}" for path in paths]
        record["audit.nametype"] = list(kinds)
