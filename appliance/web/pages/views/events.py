"""Events as people read them: one line in words, fields in order, links that narrow a search."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ntpath import basename as windows_name
from posixpath import basename as unix_name
from typing import Any

from appliance.normalise.localised import COMMAND
from appliance.search import QueryError, labels
from appliance.search.complete import phrase
from appliance.search.lexer import WRITABLE, Sort, tokens
from appliance.web.pages.views.network import ACTOR, OTHER, PREFIX, Sentence, sentence

Event = Mapping[str, Any]
TIMES = frozenset({"@timestamp", "event.created", "event.ingested", "gap.from", "gap.to"})
_NOTHING = (None, "", "-", "?", ())
"""What stands in a field that says nothing."""
_FIRST = (
    "@timestamp",
    "host.name",
    "user.name",
    "event.module",
    "event.code",
    "event.action",
    "event.outcome",
    "message",
    "process.executable",
    "process.pid",
    "process.command_line",
    "process.parent.executable",
    "process.parent.pid",
    "process.parent.command_line",
)
_PATH = re.compile(r"""(?:[A-Za-z]:|\\|/)(?:[^"'\s]|\s(?![-/]))*""")
"""A file's path, not a command with arguments."""
_LONG = 400
"""Characters of a value in a list; the open row shows all."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One event in a line: `actor` did `key` (a catalogue key) to `target`; `detail` is what a machine wrote."""

    key: str
    actor: str = ""
    target: str = ""
    detail: str = ""
    code: str = ""
    """Under `windows.` in the catalogue, if it is there: what an event of this channel and number means."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of an open event; `plus` and `minus` are queries that narrow by it, empty where none can."""

    name: str
    label: str
    text: str
    micros: int | None
    plus: str
    minus: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the table of events."""

    id: str
    at: int
    host: str
    user: str
    summary: Summary
    level: int | None
    alert_id: int | None


def text_of(value: object) -> str:
    """Return a field's value as text; a list's parts are joined by commas."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def get(event: Event, *names: str) -> str:
    """Return the first of some fields that the event has, as text; of a command line the one that ran."""
    found = next((name for name in names if event.get(name) not in _NOTHING), "")
    value = event.get(found)
    # Beside a command about groups stands its English form, for rules.
    return text_of(value[0] if found == COMMAND and isinstance(value, list | tuple) and value else value)


def program(path: str) -> str:
    """Return the name of a program from its path, Windows or Unix."""
    return windows_name(path) if "\\" in path else unix_name(path) or path


def short(text: str, limit: int = _LONG) -> str:
    """Return a text that fits a list; a cut is shown."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def ending(text: str, limit: int) -> str:
    """Return a text that fits; of a bare path its end, which tells more than its beginning."""
    if len(text) <= limit or not _PATH.fullmatch(text):
        return short(text, limit)
    return "…" + text[1 - limit :]


def summarise(event: Event) -> Summary:
    """Say in one line what an event is."""
    action = get(event, "event.action")
    if action in {"telemetry_gap", "agent_started", "agent_stopping"}:
        return Summary(f"event.{action}", detail=get(event, "gap.cause"))
    if told := sentence(get(event, "event.dataset")):
        return _told(event, told)
    command = get(event, "process.command_line")
    child = program(get(event, "process.executable", "process.name"))
    if child and _is_start(event):
        parent = program(get(event, "process.parent.executable", "process.parent.name"))
        return Summary("event.starts" if parent else "event.started", parent, child, short(_rest(command, child)))
    if end := _other_end(event):
        return Summary("event.connects", child, end)
    if _category(event, "authentication"):
        return Summary(_logon(event), get(event, "user.name"), get(event, "source.ip", "source.domain"))
    return _other(event, action, child)


def _told(event: Event, told: Sentence) -> Summary:
    target = get(event, *told.target) or _other_end(event)
    detail = get(event, *told.detail) or (get(event, "event.dataset") if told is OTHER else "")
    return Summary(told.key, get(event, *ACTOR), short(target), short(detail.removeprefix(PREFIX)))


def _other_end(event: Event) -> str:
    """Return the name or address and the port that were connected to, empty without an address."""
    target, port = get(event, "destination.domain", "destination.ip"), get(event, "destination.port")
    return f"{target}:{port}" if target and port else target


def _rest(command: str, child: str) -> str:
    """Return a command line without its program when that is what was named already."""
    first, _, rest = command.partition(" ")
    return rest if program(first.strip('"')).lower() == child.lower() else command


def _is_start(event: Event) -> bool:
    if _category(event, "process"):
        return "process.command_line" in event or get(event, "event.code") in {"1", "4688"}
    return get(event, "event.code") in {"1", "4688"} or get(event, "audit.type") == "EXECVE"


def _category(event: Event, name: str) -> bool:
    value = event.get("event.category")
    return value == name or (isinstance(value, (tuple, list)) and name in value)


def _logon(event: Event) -> str:
    return "event.logon_failed" if get(event, "event.outcome") == "failure" else "event.logon"


def _other(event: Event, action: str, child: str) -> Summary:
    detail = get(
        event,
        "message",
        "file.path",
        "winlog.event_data.ScriptBlockText",
        "registry.path",
        "dns.question.name",
        "winlog.event_data.TargetImage",
        "winlog.event_data.TargetObject",
        "winlog.event_data.ImageLoaded",
        "winlog.event_data.PipeName",
        "winlog.event_data.ShareName",
        "winlog.event_data.TargetUserName",
    )
    channel, code = get(event, "winlog.channel"), get(event, "event.code")
    if channel and code:
        return Summary(
            "event.windows",
            child or get(event, "user.name"),
            f"{_channel(channel)} {code}",
            short(detail),
            code=_code(channel, code),
        )
    return Summary("event.other", child, action or get(event, "audit.type", "event.module"), short(detail))


def _code(channel: str, code: str) -> str:
    """Return „sysmon_10” for event 10 of the channel „Microsoft-Windows-Sysmon/Operational”."""
    return f"{_channel(channel).lower().replace(' ', '_')}_{code}"


def _channel(name: str) -> str:
    """Return a channel without what all of Microsoft's share: „Sysmon” of „Microsoft-Windows-Sysmon/Operational”."""
    return name.removeprefix("Microsoft-Windows-").removesuffix("/Operational")


def event_row(event: Event, alerted: Mapping[str, tuple[int, int]]) -> EventRow:
    """Return the table's line; `alerted` gives (alert id, level) of events that raised one."""
    number = text_of(event.get("event.id"))
    alert = alerted.get(number)
    return EventRow(
        id=number,
        at=int(event.get("@timestamp", 0)),
        host=get(event, "host.name"),
        user=get(event, "user.name", "winlog.event_data.User", "user.id"),
        summary=summarise(event),
        level=alert[1] if alert else None,
        alert_id=alert[0] if alert else None,
    )


def fields_of(event: Event, query: str, lang: str) -> list[FieldValue]:
    """Return every field, the telling ones first, each with the queries that narrow `query` by it."""
    rank = {name: place for place, name in enumerate(_FIRST)}
    names = sorted(event, key=lambda name: (rank.get(name, len(rank)), name))
    return [_field(name, event[name], query, labels(lang).get(name, "")) for name in names]


def _field(name: str, value: object, query: str, label: str) -> FieldValue:
    micros = value if name in TIMES and isinstance(value, int) and not isinstance(value, bool) else None
    parts = value if isinstance(value, (list, tuple)) else [value]
    one = text_of(parts[0]) if parts else ""
    narrow = "" if micros is not None or not WRITABLE.fullmatch(name) else term(name, one)
    minus = join(query, f"NOT {narrow}" if narrow else "")
    return FieldValue(name, label, text_of(value), micros, join(query, narrow), minus)


def term(field: str, value: str) -> str:
    """Return the query for a field that has exactly a value."""
    return f"{field}:{phrase(value)}"


def join(query: str, more: str) -> str:
    """Return a query narrowed by another."""
    if not more:
        return ""
    query = query.strip()
    if not query:
        return more
    return f"({query}) AND {more}" if _loose(query) else f"{query} AND {more}"


def _loose(query: str) -> bool:
    """Return whether an OR stands outside every bracket, or the query cannot be read at all."""
    depth = 0
    try:
        for token in tokens(query):
            depth += (token.sort is Sort.OPEN) - (token.sort is Sort.CLOSE)
            if token.sort is Sort.OPERATOR and token.text == "OR" and depth == 0:
                return True
    except QueryError:
        return True
    return depth != 0
