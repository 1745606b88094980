"""Names of fields outside the schema: every one that is stored can be asked for, whatever else came."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search import QueryError
from appliance.store import EmbeddedReader, EmbeddedStore, Keeping
from appliance.store.compaction import FAN_IN
from appliance.store.manifest import FILE, MAX_REST_NAMES
from appliance.store.names import MAX_NAMES
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make

WIDE = {f"own.field{n}": f"v{n}" for n in range(MAX_REST_NAMES + 1)}


class Clock:
    """A store and its reader, and the time of both."""

    def __init__(self, folder: Path) -> None:
        self.now, self._folder = NOW, folder
        self.store, self.reader = self._opened(), EmbeddedReader(folder)

    def _opened(self) -> EmbeddedStore:
        return EmbeddedStore(self._folder, now=lambda: self.now)

    def restart(self) -> None:
        self.close()
        self.store, self.reader = self._opened(), EmbeddedReader(self._folder)

    def close(self) -> None:
        self.store.close()
        self.reader.close()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    made = Clock(tmp_path)
    yield made
    made.close()


def junk(make: Make, count: int, word: str = "junk") -> list[Event]:
    names = [f"{word}.{n}" for n in range(count)]
    parts = [names[at : at + 1000] for at in range(0, count, 1000)]
    return [make(10_000 + n, **dict.fromkeys(part, "x")) for n, part in enumerate(parts)]


def test_fields_of_an_event_that_has_very_many_are_found(clock: Clock, make: Make) -> None:
    clock.store.append(encode([make(1, **WIDE), make(2, **{"other.field": "here"})]), [], 1)
    for query in ("own.field0:v0", f"own.field{MAX_REST_NAMES}:v*", "other.field:here"):
        assert clock.reader.count(query) == 1, query
    clock.restart()
    assert clock.reader.count("own.field7:v7") == 1
    for n in range(FAN_IN - 1):
        clock.store.append(encode([make(10 + n, **{f"late{n}.field": "x"})]), [], n + 2)
    assert clock.store.compact(60) == 1
    clock.restart()
    assert clock.reader.count("own.field7:v7") == 1
    assert clock.reader.count("late3.field:x") == 1


def test_a_name_that_nobody_has_is_refused_while_all_are_known(clock: Clock, make: Make) -> None:
    clock.store.append(encode([make(1, **WIDE)]), [], 1)
    with pytest.raises(QueryError):
        clock.reader.count("own.feild:x")


def test_junk_keys_shut_no_field_out(clock: Clock, make: Make) -> None:
    clock.store.append(encode(junk(make, MAX_NAMES + 1000)), [], 1)
    clock.store.append(encode([make(1, **{"ordinary.field": "here"})]), [], 2)
    assert clock.reader.count("ordinary.field:here") == 1
    assert clock.reader.count(f"junk.{MAX_NAMES + 999}:x") == 1
    assert len(clock.reader.fields().seen) == MAX_NAMES
    clock.restart()
    clock.store.append(encode([make(2, **{"other.field": "here"})]), [], 3)
    assert clock.reader.count("other.field:here") == 1


def test_names_that_come_again_stay_in_the_list_and_junk_makes_room(clock: Clock, make: Make) -> None:
    clock.store.append(encode([*junk(make, MAX_NAMES - 1), make(1, **{"daily.field": "x"})]), [], 1)
    clock.now += DAY
    clock.store.append(encode([make(2, **{"daily.field": "x"})]), [], 2)
    clock.store.append(encode([make(3, **{"new.field": "x"})]), [], 3)
    seen = clock.reader.fields().seen
    assert {"daily.field", "new.field"} <= set(seen)
    assert len(seen) == MAX_NAMES
    gone = next(name for name in (f"junk.{n}" for n in range(MAX_NAMES)) if name not in seen)
    assert clock.reader.count(f"{gone}:x") == 1


def test_names_go_with_the_last_events_that_may_have_them(clock: Clock, make: Make) -> None:
    clock.store.append(encode(junk(make, MAX_NAMES + 1)), [], 1)
    clock.now += 3 * DAY
    clock.store.append(encode([make(1, **{"new.field": "x"})]), [], 2)
    clock.store.retain(Keeping({"ordinary": 1}))
    assert set(clock.reader.fields().seen) == {"new.field"}
    with pytest.raises(QueryError):
        clock.reader.count("junk.1:x")
    clock.restart()
    clock.store.append(encode([make(2, **{"junk.1": "x"})]), [], 3)
    assert clock.reader.count("junk.1:x") == 1


def test_a_store_of_an_older_version_answers_for_what_it_did_not_write_down(clock: Clock, make: Make) -> None:
    clock.store.append(encode([make(1, **WIDE)]), [], 1)
    clock.close()
    with sqlite3.connect(clock._folder / FILE) as db:
        db.execute("DELETE FROM name")
        db.execute("ALTER TABLE name DROP COLUMN day")
    clock.store, clock.reader = clock._opened(), EmbeddedReader(clock._folder)
    assert clock.reader.count("own.field7:v7") == 1
