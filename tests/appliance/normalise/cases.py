"""The made records of one source under data/, each with what must come out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.normalise import Event, Source, normalise

DATA = Path(__file__).parent / "data"
ARRIVED = 1_772_439_400_000_000
SOURCE = Source("agent-1", ARRIVED)
ALWAYS = ("event.id", "@timestamp", "event.created", "event.ingested", "event.module", "host.name", "agent.id")


def cases(source: str) -> list[Any]:
    """Return the source's cases as pytest parameters."""
    lines = (DATA / source / "cases.ndjson").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert rows
    return [pytest.param(row, id=row["name"]) for row in rows]


def run(record: dict[str, Any]) -> Event:
    """Normalise one record."""
    return normalise(json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass"), SOURCE)


def check(case: dict[str, Any]) -> None:
    """Assert that a case's record becomes what it expects, and that the event is canonical."""
    event = run(case["record"])
    wanted = {key: tuple(value) if isinstance(value, list) else value for key, value in case["expect"].items()}
    assert {key: event.get(key) for key in wanted} == wanted
    assert [key for key in case["absent"] if key in event] == []
    canonical(event)


def canonical(event: Event) -> None:
    """Assert what holds for every event."""
    assert [key for key in ALWAYS if key not in event] == []
    assert event["agent.id"] == SOURCE.agent_id
    assert event["event.ingested"] == ARRIVED
    assert len(str(event["event.id"])) == 32
    for key, value in event.items():
        assert isinstance(key, str)
        for item in value if isinstance(value, tuple) else (value,):
            assert isinstance(item, str | int | float | bool), (key, value)
