"""What both kinds of foreign logs have in common: values out of JSON, and the log that they make."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, NamedTuple

from collector.foreign.secrets import leave_out
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log, Value

MAX_TEXT = 8192
MAX_VALUES = 256
"""Characters of one value, values of one list that are kept."""
Raw = Mapping[str, Any]


class Ends(NamedTuple):
    """Whom a log is about, as its sensor says it; the transport in small letters."""

    orig_h: str
    orig_p: object
    resp_h: str
    resp_p: object
    transport: str


def value(raw: object) -> Value | None:
    """Return a value that a log may have, None for what is none."""
    if isinstance(raw, str):
        return raw[:MAX_TEXT]
    if isinstance(raw, bool | int | float):
        return raw
    if isinstance(raw, list):
        found = [one[:MAX_TEXT] if isinstance(one, str) else one for one in raw[:MAX_VALUES]]
        return [one for one in found if isinstance(one, str | bool | int | float)]
    return None


def at(raw: object) -> int:
    """Return microseconds of a time in seconds or in ISO 8601 with its zone; raises ValueError."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return round(raw * 1_000_000)
    if not isinstance(raw, str):
        raise ValueError("no time")  # noqa: TRY004 (one error for whatever is not a log)
    moment = datetime.fromisoformat(raw)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return round(moment.timestamp() * 1_000_000)


def entry(path: str, moment: int, uid: str, ends: Ends, fields: Raw) -> Entry:
    """Return a log without secrets; what has no addresses that can be read belongs to no flow."""
    kept = {name: found for name, one in fields.items() if (found := value(one)) is not None}
    leave_out(path, kept)
    try:
        orig_h, resp_h = str(ip_address(ends.orig_h)), str(ip_address(ends.resp_h))
    except ValueError:
        return Entry(Log(path, moment, kept), uid[:64], None)
    flow = Flow(orig_h, _port(ends.orig_p), resp_h, _port(ends.resp_p), ends.transport)
    return Entry(Log(path, moment, kept), uid[:64], flow)


def _port(raw: object) -> int:
    return raw if isinstance(raw, int) and 0 <= raw <= 65_535 else 0
