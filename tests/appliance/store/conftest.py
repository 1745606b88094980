"""Fixtures of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.wire.event import event_id
from appliance.normalise.model import Event, Value
from appliance.store import EmbeddedReader, EmbeddedStore

NOW = 1_800_000_000_000_000
Make = Callable[..., Event]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(tmp_path / "store", now=lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[EmbeddedReader]:
    made = EmbeddedReader(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def make() -> Make:
    def event(number: int, time: int | None = None, **fields: Value) -> Event:
        moment = NOW + number if time is None else time
        return {"event.id": event_id(number), "@timestamp": moment, "host.name": "PC-1", **fields}

    return event
