"""Which channels and events are read, as data (channels.toml), and the queries that ask Windows for them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_name("channels.toml")
MAX_CHANNELS = 60
"""Subscriptions: the system waits for at most 64 handles at once, and some are ours."""
_TERMS = 20
"""Event numbers in one condition; Windows takes some twenty terms, and more are a further condition."""


class Channel(NamedTuple):
    """One subscription: its name here, the channel's own, the importance of its records, the numbers of its events."""

    name: str
    path: str
    priority: int
    events: tuple[int, ...]
    wanted: bool = False
    """Whether every Windows has it and its lack is told."""


def channels(table: Path = TABLE) -> tuple[Channel, ...]:
    """Return the subscriptions, most important first; raises ValueError for a table that is not in order."""
    import tomllib  # noqa: PLC0415 (Windows brings a Python that has it)

    rows = tomllib.loads(table.read_text("utf-8"))["channel"]
    found = [
        Channel(row["name"], row["path"], row["priority"], tuple(row["events"]), row.get("wanted", False))
        for row in rows
    ]
    if len({channel.name for channel in found}) != len(found) or len(found) > MAX_CHANNELS:
        raise ValueError(f"{table}: names that stand twice, or more than {MAX_CHANNELS} channels")
    for channel in found:
        if set(channel.path) & set('<>&"'):
            raise ValueError(f"{table}: {channel.path!r} is no channel's name")
        if channel.priority not in (1, 2, 3) or not channel.events or list(channel.events) != sorted({*channel.events}):
            raise ValueError(f"{table}: {channel.name} has no priority 1 to 3 or no ordered events")
    return tuple(sorted(found, key=lambda channel: channel.priority))


def query(channel: Channel, newer_than_days: int | None = None) -> str:
    """Return the structured query of a channel's events, of the last days only when so many are given."""
    newer = ""
    if newer_than_days is not None:
        newer = f" and TimeCreated[timediff(@SystemTime) &lt;= {newer_than_days * 86_400_000}]"
    selects = []
    for begin in range(0, len(channel.events), _TERMS):
        numbers = " or ".join(f"EventID={event}" for event in channel.events[begin : begin + _TERMS])
        selects.append(f'<Select Path="{channel.path}">*[System[({numbers}){newer}]]</Select>')
    return f'<QueryList><Query Id="0" Path="{channel.path}">{"".join(selects)}</Query></QueryList>'
