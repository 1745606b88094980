"""Fields of logs as analysers read and tell them."""

from __future__ import annotations

from collections.abc import Mapping

from collector.protocols.model import Log, Value

Fields = Mapping[str, Value]


def texts(value: Value | None) -> list[str]:
    """Return the texts of a field that holds several; none where it holds one value or is not there."""
    return [] if value is None or isinstance(value, str | int | float) else [str(one) for one in value]


def known(fields: Fields) -> dict[str, Value]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value != ""}


def ended(log: Log) -> int:
    """Return when what a log tells was over: a connection's log carries the time of its beginning."""
    duration = log.fields.get("duration", 0.0)
    return log.at + int(duration * 1_000_000) if log.path == "conn" and isinstance(duration, float) else log.at
