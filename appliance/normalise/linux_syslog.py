"""Lines of syslog and journald. What no pattern knows is kept with its message."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from agent.wire.event import event_id
from appliance.normalise.common import apply_meaning, content_id, given_id, set_name, short_address, stamp
from appliance.normalise.flatten import flatten
from appliance.normalise.linux_lines import BY_PROGRAM, GROUPS, Line
from appliance.normalise.model import Event, Raw, Source
from appliance.normalise.times import parse_time

MODULE = "linux.syslog"
MAX_UNDERSTOOD = 16384
"""Characters of a message that patterns are tried on; a longer one is kept as it is."""
_DAY = 86_400_000_000
_PRIORITY = re.compile(r"<(\d{1,3})>")
_RFC3164 = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>[ \d]\d) (?P<clock>\d\d:\d\d:\d\d) (?P<host>\S{1,255}) "
    r"(?P<app>[^\s:\[]{1,128})(?:\[(?P<pid>\d{1,10})\])?: ?(?P<text>.*)",
    re.ASCII | re.DOTALL,
)
_RFC5424 = re.compile(
    r"1 (?P<time>\S{1,40}) (?P<host>\S{1,255}) (?P<app>\S{1,128}) (?P<pid>\S{1,128}) \S{1,32} "
    r"(?:-|(?>(?:\[(?>(?:[^\]\\]|\\.){0,4000})\])+)) ?(?P<text>.*)",
    re.ASCII | re.DOTALL,
)
_ISO = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\S{8,30}) (?P<host>\S{1,255}) "
    r"(?P<app>[^\s:\[]{1,128})(?:\[(?P<pid>\d{1,10})\])?: ?(?P<text>.*)",
    re.ASCII | re.DOTALL,
)
HEADERS = (_RFC5424, _ISO, _RFC3164)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def normalise(record: Raw, source: Source) -> Event:
    """Return the event of one log line, its syslog header taken off and its program's message understood."""
    event = flatten(record)
    event["event.module"] = MODULE
    message = event.get("message")
    when = record.get("@timestamp")
    if isinstance(message, str):
        written = _take_header(event, message, source)
        when = written if when is None else when
        _understand(event)
    stamp(event, record, source, when)
    event["event.id"] = given_id(record, source) or _identity(event) or content_id(event)
    return event


def _take_header(event: Event, line: str, source: Source) -> int | None:
    """Move the parts of a syslog header to their keys; return the header's own time."""
    text = line.rstrip("\r\n")
    priority = _PRIORITY.match(text)
    if priority and int(priority[1]) <= 191:
        event["log.syslog.priority"] = int(priority[1])
        event["log.syslog.facility.code"], event["log.syslog.severity.code"] = divmod(int(priority[1]), 8)
        text = text[priority.end() :]
    header = _RFC5424.match(text) or _ISO.match(text) or _RFC3164.match(text)
    if header is None:
        return None
    parts = header.groupdict()
    when = parse_time(parts["time"]) if "time" in parts else _without_year(parts, source.received_at)
    event["message"] = parts["text"].removeprefix("\ufeff")
    for key, value in (("log.syslog.appname", parts["app"]), ("log.syslog.hostname", parts["host"])):
        if value != "-":
            event.setdefault(key, value)
    if (parts["pid"] or "").isdecimal() and len(parts["pid"]) < 11:
        event.setdefault("process.pid", int(parts["pid"]))
    if "log.syslog.hostname" in event:
        event.setdefault("host.name", event["log.syslog.hostname"])
    return when


def _without_year(parts: dict[str, str], arrived: int) -> int | None:
    """Return the latest moment (UTC) of a month, day and clock that is not more than a day after arrival."""
    if parts["month"] not in _MONTHS:
        return None
    year = datetime.fromtimestamp(min(max(arrived, 0), 10**17) // 1_000_000, UTC).year
    month = _MONTHS.index(parts["month"]) + 1
    for candidate in (year + 1, year, year - 1):
        moment = parse_time(f"{candidate:04d}-{month:02d}-{int(parts['day']):02d}T{parts['clock']}Z")
        if moment is not None and moment <= arrived + _DAY:
            return moment
    return None


def _understand(event: Event) -> None:
    app, message = event.get("log.syslog.appname"), event.get("message")
    if not isinstance(app, str) or not isinstance(message, str) or len(message) > MAX_UNDERSTOOD:
        return
    program = app.rpartition("/")[2].lower()
    for line in BY_PROGRAM.get(program, ()):
        found = line.pattern.match(message)
        if found:
            _apply(event, line, found.groupdict())
            return


def _apply(event: Event, line: Line, parts: dict[str, str | None]) -> None:
    apply_meaning(event, line.meaning)
    for group, value in parts.items():
        if value:
            event[GROUPS[group]] = value
    port = parts.get("port")
    if port:
        event["source.port"] = int(port)
    address = short_address(parts.get("ip"))
    if address:
        event["source.ip"] = address
    command = parts.get("command")
    if command and "sudo" in line.programs:
        event["process.executable"] = command.split(" ", 1)[0]
        set_name(event, "process.executable", "process.name", "/")


def _identity(event: Event) -> str | None:
    cursor = event.get("journald.cursor")
    return event_id(event["host.name"], MODULE, cursor) if cursor is not None else None
