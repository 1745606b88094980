"""Syslog lines as they lie in log files, and journal entries as journalctl prints them: to records. Pure.

Line forms: RFC 3164 (`Nov  2 00:06:49 host sshd[12]: text`, local time, no year) and rsyslog's RFC 3339 default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo

from agent.redact import redact_text
from agent.wire.event import Record

APPNAMES = frozenset(
    {
        "sshd", "sshd-session", "sshd-auth", "sudo", "su", "cron", "crond", "useradd", "usermod", "userdel", "groupadd",
        "groupmod", "gpasswd", "passwd", "chpasswd", "systemd-logind",
    }
)  # fmt: skip
"""Programs whose lines are collected, in lower case."""
MAX_LINE = 16 * 1024
"""Bytes of one line that are kept."""
_HEAD = re.compile(
    r"(?:<\d{1,3}>)?(?:(?P<old>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|"
    r"(?P<new>\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d)))"
    r" (?P<host>\S{1,255}) (?P<app>[\w./-]{1,64})(?:\[(?P<pid>\d{1,10})\])?: ?(?P<text>.*)\Z",
    re.DOTALL,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICRO = timedelta(microseconds=1)


def parse_line(line: bytes, now: datetime) -> Record | None:
    """Return the record of one log line when its program is collected; `now` (aware) gives the year and the zone."""
    found = _HEAD.match(line[:MAX_LINE].decode("utf-8", "backslashreplace"))
    if found is None or found["app"].lower() not in APPNAMES:
        return None
    record: Record = {
        "event.module": "linux.syslog",
        "message": redact_text(found["text"]),
        "log.syslog.appname": found["app"],
        "host.name": found["host"],
    }
    at = _modern(found["new"]) if found["new"] else _traditional(found["old"], now)
    if at is not None:
        record["@timestamp"] = at
    if found["pid"]:
        record["process.pid"] = int(found["pid"])
    return record


def parse_entry(line: bytes) -> tuple[Record | None, str | None]:
    """Return the record of one `journalctl -o json` line, when collected, and its cursor, when it has one."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(entry, dict):
        return None, None
    cursor = entry.get("__CURSOR")
    cursor = cursor if isinstance(cursor, str) and 0 < len(cursor) <= 1024 else None
    appname = entry.get("SYSLOG_IDENTIFIER")
    if cursor is None or not isinstance(appname, str) or appname.lower() not in APPNAMES:
        return None, cursor
    record: Record = {
        "event.module": "linux.syslog",
        "message": redact_text(_text(entry.get("MESSAGE"))),
        "log.syslog.appname": appname,
        "journald.cursor": cursor,
    }
    _add_numbers(record, entry)
    return record, cursor


def _add_numbers(record: Record, entry: Mapping[str, object]) -> None:
    at = _number(entry.get("__REALTIME_TIMESTAMP"), 18)
    pid = _number(entry.get("_PID") or entry.get("SYSLOG_PID"), 10)
    uid = _number(entry.get("_UID"), 10)
    host = entry.get("_HOSTNAME")
    if at is not None:
        record["@timestamp"] = at
    if pid is not None:
        record["process.pid"] = pid
    if uid is not None:
        record["user.id"] = str(uid)
    if isinstance(host, str):
        record["host.name"] = host[:255]


def _text(value: object) -> str:
    """Return a journal field's text: journalctl prints bytes as a list of numbers, repeated fields as a list."""
    if isinstance(value, str):
        return value[:MAX_LINE]
    if isinstance(value, list) and all(isinstance(item, int) and 0 <= item < 256 for item in value):
        return bytes(value[:MAX_LINE]).decode("utf-8", "backslashreplace")
    if isinstance(value, list) and value and isinstance(value[0], str):
        return value[0][:MAX_LINE]
    return ""


def _number(value: object, digits: int) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= digits:
        return int(value)
    return None


def _modern(text: str) -> int | None:
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICRO
    except ValueError:
        return None


def _traditional(text: str, now: datetime) -> int | None:
    """Read a time without a year: of the years around `now`, the one that is not in the future by more than a day."""
    zone: tzinfo | None = now.tzinfo
    for year in (now.year + 1, now.year, now.year - 1):
        try:
            moment = datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=zone)
        except ValueError:
            continue
        if moment <= now + timedelta(days=1):
            return (moment - _EPOCH) // _MICRO
    return None
