"""The reasons of many silences at once: each station its own, for a handful of questions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from agent.wire.event import event_id
from appliance.clock import DAY, HOUR, MINUTE
from appliance.state.models import Agent, AgentState
from appliance.stations.look import Figures
from appliance.stations.silence import Silence
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore, Store, StoreUnavailable
from appliance.store.shape import encode
from appliance.web.context import Context
from appliance.web.pages.silence import reasons
from appliance.web.pages.views.stations import Station, station

NOW = 1_790_000_000_000_000
STATIONS = 200
KINDS = (Silence.OFF, Silence.ASLEEP, Silence.KILLED, Silence.AWAY)
EVENING = 20
"""Questions that an evening of three hours may cost, whatever the number of stations."""


class Asked:
    """A store that counts what it is asked."""

    def __init__(self, store: Store) -> None:
        self._store, self.questions = store, 0

    def __getattr__(self, name: str) -> Any:
        self.questions += 1
        return getattr(self._store, name)


class Desk:
    """A context of a store alone."""

    def __init__(self, store: Store) -> None:
        self.store = store


def one(number: int, seen_at: int, *, heard: bool = False) -> Station:
    address = f"10.1.{number % 2}.{number // 2 + 1}"
    agent = Agent(
        id=f"00000000-0000-4000-8000-{number:012}", hostname=f"pc-{number}", os="Windows 11", version="1",
        address=address, certificate="0", expires_at=NOW + 90 * DAY, state=AgentState.ACTIVE, enrolled_at=0,
        seen_at=seen_at, event_at=seen_at, records=1, spooled=0, skew_us=0, sensors=[],
    )  # fmt: skip
    made = station(agent, NOW, Figures(), {})
    assert made.state == ("heard" if heard else "silent")
    return made


def told(number: int, station: Station, kind: Silence) -> list[dict[str, Any]]:
    """What the store has of a station: its ordinary events, and those that tell of its end."""
    seen = station.seen_at or 0
    base = {"host.name": station.hostname, "event.ingested": seen, "event.created": seen, "agent.id": station.id}
    usual = [
        base | {"@timestamp": seen - at * MINUTE, "source.ip": station.address, "event.code": 4624}
        for at in range(1, 40)
    ]
    end = {
        Silence.OFF: {"event.module": "czujka.agent", "event.action": "agent_stopping", "agent.host_stopping": True},
        Silence.ASLEEP: {"event.module": "windows.eventlog", "event.code": 42,
                         "winlog.provider_name": "Microsoft-Windows-Kernel-Power"},
        Silence.KILLED: {"agent.id": "sensor", "source.ip": station.address, "@timestamp": seen + 5 * MINUTE},
        Silence.AWAY: {"agent.id": "sensor", "source.ip": station.address, "@timestamp": seen + 90 * MINUTE},
    }[kind]  # fmt: skip
    events = [*usual, base | {"@timestamp": seen} | end]
    return [each | {"event.id": event_id("silence", number, at)} for at, each in enumerate(events)]


def stored(folder: Path, spread: int) -> tuple[list[Station], EmbeddedReader]:
    """Return stations whose last signs of life are this far apart (µs), and a store of their events."""
    stations = [one(number, NOW - 12 * HOUR - number * spread) for number in range(STATIONS)]
    events = [each for number, s in enumerate(stations) for each in told(number, s, KINDS[number % len(KINDS)])]
    writer = EmbeddedStore(folder)
    writer.append(encode(events), [BatchResult(1, "0", 1, len(events), 0, 0)], 1)
    writer.close()
    return stations, EmbeddedReader(folder)


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[tuple[list[Station], EmbeddedReader]]:
    stations, reader = stored(tmp_path / "store", MINUTE)
    yield stations, reader
    reader.close()


def test_an_evening_explains_every_station_for_a_few_questions(evening: tuple[list[Station], EmbeddedReader]) -> None:
    stations, reader = evening
    heard = [one(STATIONS + number, NOW, heard=True) for number in range(2)]
    asked = Asked(reader)
    began = time.process_time()
    found = reasons(cast(Context, Desk(cast(Store, asked))), [*stations, *heard])
    assert time.process_time() - began < 3
    assert found == {each.id: KINDS[number % len(KINDS)] for number, each in enumerate(stations)}
    assert asked.questions <= EVENING


def test_only_who_is_wanted_is_asked_for_and_the_others_still_count(
    evening: tuple[list[Station], EmbeddedReader],
) -> None:
    stations, reader = evening
    context = cast(Context, Desk(reader))
    assert reasons(context, stations, stations[:2]) == {stations[0].id: Silence.OFF, stations[1].id: Silence.ASLEEP}
    assert reasons(context, stations, [stations[3]]) == {stations[3].id: Silence.NETWORK}
    assert reasons(context, stations, []) == {}


def test_what_others_have_of_an_address_explains_only_who_had_it(
    evening: tuple[list[Station], EmbeddedReader],
) -> None:
    stations, reader = evening
    moved = replace(stations[2], address="")
    assert reasons(cast(Context, Desk(reader)), [moved], None)[moved.id] is Silence.AWAY


def test_a_store_that_rests_explains_nothing() -> None:
    class Resting:
        def search(self, *_: object) -> None:
            raise StoreUnavailable("rests")

    context = cast(Context, Desk(cast(Store, Resting())))
    assert reasons(context, [one(1, NOW - DAY)]) == {}
