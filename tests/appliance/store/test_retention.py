"""Classes of events, what goes in its time and what is held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.normalise.tables import SchemaError
from appliance.store import EmbeddedReader, EmbeddedStore, Hold, Keeping
from appliance.store.classes import ORDINARY, load, shipped
from appliance.store.manifest import Segment
from appliance.store.retention import choose, summary
from appliance.store.shape import encode
from appliance.store.sorting import by_class
from tests.appliance.store.conftest import NOW, Make

CLASSES = """
ordinary: {pl: Zwykłe, en: Ordinary}
classes:
  - id: accountability
    days: 730
    pl: Rozliczalność
    en: Accountability
    basis: KRI
    mark: P
    match:
      - event.category: [iam]
"""
WRONG = [
    ("days: 730", "days: 0", ":5: days must be from 1"),
    ("days: 730", "days: two", ":5: days must be an integer"),
    ("mark: P", "mark: X", ":9: mark must be one of"),
    ("id: accountability", "id: Ąb", ":4: 'Ąb' is no name"),
    ("id: accountability", "id: ordinary", ":4: class 'ordinary' stands twice"),
    ("event.category: [iam]", "event.nothing: [iam]", ":11: 'event.nothing' is no field"),
    ("event.category: [iam]", "event.time_corrected: [true]", ":11: 'event.time_corrected' is no field"),
    ("event.category: [iam]", "event.category: iam", ":11: event.category must be a list"),
    ("event.category: [iam]", "event.category: []", ":11: event.category must be a list of 1 to 1000"),
    ("event.category: [iam]", "event.category: [1]", ":11: event.category must have texts"),
    ("event.category: [iam]", "event.code: ['1']", ":11: event.code must have whole numbers"),
    ("event.category: [iam]", "event.code: [true]", ":11: event.code must have whole numbers"),
    ("basis: KRI", "other: 1\n    basis: KRI", ":8: unknown key 'other'"),
    ("ordinary: {pl: Zwykłe, en: Ordinary}", "x: 1", "ordinary is missing"),
    ("ordinary: {pl: Zwykłe, en: Ordinary}", "ordinary: {pl: Zwykłe}", ":2: en is missing"),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG, ids=[f"{new} {at}" for at, (_, new, _) in enumerate(WRONG)])
def test_a_fault_of_the_classes_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "classes.yaml"
    assert old in CLASSES
    path.write_text(CLASSES.replace(old, new))
    with pytest.raises(SchemaError) as caught:
        load(path)
    assert str(caught.value).startswith("classes.yaml:")
    assert told in str(caught.value)


def test_too_many_classes_and_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "classes.yaml"
    head, _, one = CLASSES.partition("classes:\n")
    path.write_text(head + "classes:\n" + "".join(one.replace("accountability", f"c{n}") for n in range(17)))
    with pytest.raises(SchemaError, match="more than 16 classes"):
        load(path)
    path.write_text(CLASSES.replace("[iam]", str([f"v{n}" for n in range(1001)])))
    with pytest.raises(SchemaError, match="1 to 1000 values"):
        load(path)


@pytest.mark.parametrize(
    ("fields", "source_class"),
    [
        ({"event.category": "authentication"}, "accountability"),
        ({"event.category": ("iam", "process")}, "accountability"),
        ({"event.category": "process", "event.action": "sudo_command"}, "accountability"),
        ({"winlog.channel": "Security", "event.code": 1102}, "accountability"),
        ({"winlog.channel": "Security", "event.code": "1102"}, "accountability"),
        ({"winlog.channel": "Application", "event.code": 1102}, ORDINARY),
        ({"winlog.channel": "Security", "event.code": 4688, "event.category": "process"}, ORDINARY),
        ({"event.module": "czujka.agent"}, "accountability"),
        ({"other": "authentication"}, ORDINARY),
        ({}, ORDINARY),
    ],
)
def test_each_event_has_its_class(make: Make, fields: dict[str, str], source_class: str) -> None:
    events = [make(1, **fields), make(2), make(3, **{"event.category": "iam"})]
    found = {name: mask.tolist() for name, mask in by_class(encode(events), shipped())}
    assert found[source_class][0]
    assert [sum(column) for column in zip(*found.values(), strict=True)] == [1, 1, 1]


def test_classes_are_stored_and_merged_apart_and_go_in_their_time(tmp_path: Path, make: Make) -> None:
    day = NOW // DAY
    store = EmbeddedStore(tmp_path, now=lambda: day * DAY)
    for n in range(20):
        pair = [make(2 * n), make(2 * n + 1, **{"event.category": "iam"})]
        store.append(encode(pair), [], n)
    assert store.compact(60) == 2
    day += 40
    gone = store.retain(Keeping({"ordinary": 30, "accountability": 730}))
    assert (gone.events, gone.early, gone.over) == (20, 0, 0)
    reader = EmbeddedReader(tmp_path)
    assert reader.count("event.category:iam") == reader.count("") == 20
    (deletion,) = store.deletions()
    assert (deletion.source_class, deletion.reason, deletion.rows) == ("ordinary", "age", 20)
    (left,) = reader.usage().days
    assert (left.day, left.source_class, left.events) == (day - 40, "accountability", 20)
    runs = reader.usage()
    assert runs.retention is not None
    assert runs.compaction is not None
    assert (runs.retention.told["events"], runs.compaction.told["merged"]) == (20, 20)
    reader.close()
    store.close()


def test_what_was_stored_before_there_were_classes_is_kept_longest() -> None:
    assert Keeping({"ordinary": 30, "accountability": 730}).of("") == 730


def segment(number: int, day: int, source_class: str = ORDINARY, size: int = 10) -> Segment:
    return Segment(
        number, f"{number}", day, False, 1, size, 1, day * DAY, day * DAY, (), None, source_class=source_class
    )


def test_a_full_disk_takes_the_oldest_of_what_is_kept_shortest_first() -> None:
    segments = [segment(n, n // 2, ("accountability", ORDINARY)[n % 2]) for n in range(10)]
    keeping = Keeping({ORDINARY: 100, "accountability": 200}, 35)
    choice = choose(segments, 4, keeping, lambda _: False)
    assert [(gone.source_class, gone.day) for gone in choice.gone] == [
        *[(ORDINARY, day) for day in range(4)],
        *[("accountability", day) for day in range(3)],
    ]
    assert (summary(choice).early, summary(choice).over) == (7, 0)


def test_what_is_held_stays_and_it_is_said_that_the_store_is_too_large() -> None:
    segments = [segment(n, n) for n in range(6)]
    choice = choose(segments, 6, Keeping({ORDINARY: 2}, 15), lambda one: one.day in {1, 3, 4})
    told = summary(choice)
    assert [gone.day for gone in choice.gone] == [0, 2, 5]
    assert (told.events, told.held, told.over) == (3, 3, 15)
    assert told.early == 1


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["", ORDINARY, "accountability"]), st.booleans()), max_size=30
    ),
    st.integers(0, 10),
    st.none() | st.integers(0, 300),
)
def test_nothing_goes_that_is_held_or_of_today_or_in_its_time(
    rows: list[tuple[int, str, bool]], days: int, most: int | None
) -> None:
    segments = [segment(n, day, source_class) for n, (day, source_class, _) in enumerate(rows)]
    keeping = Keeping({ORDINARY: days, "accountability": days + 2}, most)
    choice = choose(segments, 9, keeping, lambda one: rows[one.id][2])
    gone = [one for group in choice.gone for one in group.segments]
    left = [one for one in segments if one not in gone]
    assert not [one for one in gone if rows[one.id][2] or one.day >= 9]
    assert all(len({(one.day, one.source_class) for one in group.segments}) == 1 for group in choice.gone)
    aged = [one for one in segments if one.day < 9 - keeping.of(one.source_class) and one.day < 9]
    assert not [one for one in aged if one in left and not rows[one.id][2]]
    size = sum(one.bytes for one in left)
    if most is None:
        assert len(gone) <= len(aged)
    elif size > most:
        assert not [one for one in left if one.day < 9 and not rows[one.id][2]]
        assert choice.over == size - most


def test_a_hold_keeps_the_segments_of_its_time_and_host(tmp_path: Path, make: Make) -> None:
    day = NOW // DAY
    store = EmbeddedStore(tmp_path, now=lambda: day * DAY)
    for n in range(4):
        day = NOW // DAY + n
        store.append(encode([make(n, day * DAY + n, **{"host.name": f"PC-{n % 2}"})]), [], n)
    first, day = NOW // DAY, day + 60
    holds = [Hold(first * DAY, (first + 4) * DAY, "pc-1"), Hold(first * DAY, first * DAY + 1)]
    gone = store.retain(Keeping({ORDINARY: 30}, 0, holds))
    assert (gone.events, gone.held) == (1, 3)
    assert gone.over > 0
    assert store.retain(Keeping({ORDINARY: 30}, None, holds)).events == 0
    assert store.retain(Keeping({ORDINARY: 30}, None, holds[:1])).events == 1
    assert store.retain(Keeping({ORDINARY: 30})).events == 2
    store.close()


def test_what_cannot_be_read_is_not_deleted_under_a_hold(tmp_path: Path, make: Make) -> None:
    day = NOW // DAY
    store = EmbeddedStore(tmp_path, now=lambda: day * DAY)
    store.append(encode([make(1)]), [], 1)
    (path,) = tmp_path.glob("*.parquet")
    path.write_bytes(b"nothing")
    day += 60
    assert store.retain(Keeping({ORDINARY: 30}, None, [Hold(0, NOW * 2, "PC-9")])).held == 1
    assert store.retain(Keeping({ORDINARY: 30}, None, [Hold(0, 1, "PC-9")])).events == 1
    store.close()


CHILD = """
import os, signal, sys
from pathlib import Path
from appliance.store import EmbeddedStore, Keeping
def probe(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
store = EmbeddedStore(Path(sys.argv[1]), now=lambda: int(sys.argv[3]), probe=probe)
store.retain(Keeping({"ordinary": 30}))
"""


@pytest.mark.parametrize(("step", "left"), [("retained", 2), ("unlinked", 0)])
def test_kill_9_in_a_run_of_retention_leaves_all_or_nothing_of_it(
    tmp_path: Path, make: Make, step: str, left: int
) -> None:
    store = EmbeddedStore(tmp_path, now=lambda: NOW)
    events: list[Event] = [make(1), make(2)]
    for n, event in enumerate(events):
        store.append(encode([event]), [], n)
    if step == "unlinked":
        later = NOW + 60 * DAY
        store._now = lambda: later
        store.retain(Keeping({"ordinary": 30}))
    store.close()
    command = [sys.executable, "-c", CHILD, str(tmp_path), step, str(NOW + 61 * DAY)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=os.environ | {"PYTHONPATH": "."})
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    store = EmbeddedStore(tmp_path, now=lambda: NOW + 61 * DAY)
    assert store.stats().events == left
    assert store.retain(Keeping({"ordinary": 30})).events == left
    assert (store.stats().events, sum(one.rows for one in store.deletions())) == (0, 2)
    store.close()
