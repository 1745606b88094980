"""Indexes of segments: what they name is what there is, and a damaged, older or missing one changes no answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.normalise.model import Event, Value
from appliance.search import Field, Kind, Node, matches
from appliance.search.nodes import And, Everything, Exact, Leaf, Not, Or
from appliance.store import EmbeddedReader, EmbeddedStore, appendix, indexes, links, segments
from appliance.store.engine import Engine
from appliance.store.processes import START
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW

HOSTS = ("PC-1", "pc-1", "PC-2")
NAMES = ("process.entity_id", "process.pid", "process.parent.entity_id", "process.parent.pid")
values: st.SearchStrategy[Value] = st.sampled_from([1, 2, 3, -1, 1 << 70, "a", "b", "\ud800", True, (1, 2), ("a",), ()])


@st.composite
def starts(draw: st.DrawFn) -> list[Event]:
    found: list[Event] = []
    # One odd value, and its name stands beside the columns: then the index is of no use for the whole segment.
    odd = draw(st.integers(0, 3)) == 3
    for number in range(draw(st.integers(10, 25))):
        event: Event = {"event.id": event_id(number), "@timestamp": NOW + draw(st.integers(0, 9))}
        host = draw(st.sampled_from(["PC-1", "PC-1", None, *HOSTS]))
        event |= {} if host is None else {"host.name": host}
        for name in NAMES:
            ordinary: st.SearchStrategy[Value] = st.sampled_from(
                [1, 2, 3] if name.endswith(".pid") else ["a", "b", "\ud800"]
            )
            if draw(st.booleans()):
                event[name] = draw(values if odd else ordinary)
        found.append(event)
    return encoded(found)


def encoded(events: list[Event]) -> list[Event]:
    """As a store gives them back."""
    plain = [{k: v.replace("\ud800", "\ufffd") if isinstance(v, str) else v for k, v in one.items()} for one in events]
    return sorted(plain, key=lambda one: (one["@timestamp"], one["event.id"]))


def leaf(name: str, value: str | int) -> Node:
    return Leaf((Field(name, Kind.LONG if name.endswith(".pid") else Kind.KEYWORD),), Exact(value))


numbers = st.sampled_from(["process.pid", "process.parent.pid"])
guids = st.sampled_from(["process.entity_id", "process.parent.entity_id"])
leaves = st.one_of(
    st.builds(leaf, numbers, st.sampled_from([1, 2, 3])),
    st.builds(leaf, guids, st.sampled_from(["a", "b", "\ufffd"])),
    st.builds(leaf, st.sampled_from(NAMES), st.sampled_from([1 << 70, "1"])),
)
hosted = st.sampled_from(["PC-1", "PC-1", "PC-1", *HOSTS]).map(lambda host: leaf("host.name", host))
links_asked: st.SearchStrategy[Node] = st.builds(
    lambda host, parts, more: And((host, Or(tuple(parts)), *more)),
    hosted,
    st.lists(leaves, min_size=1, max_size=3),
    st.lists(st.sampled_from([START, START, Everything(), Not(START)]) | hosted | leaves, max_size=2),
)


@settings(deadline=None, max_examples=12)
@given(drawn=starts(), asked=st.lists(links_asked, min_size=6, max_size=6), descending=st.booleans())
def test_searches_by_links_find_what_the_reference_does(
    tmp_path_factory: pytest.TempPathFactory, *, drawn: list[Event], asked: list[Node], descending: bool
) -> None:
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "ROW_GROUP", 4)
        filled(folder, drawn)
    reader = EmbeddedReader(folder)
    for node in asked:
        wanted = [str(one["event.id"]) for one in drawn if matches(node, one)]
        found: list[str] = []
        after = None
        while True:
            page = reader.search(node, NOW + 1, NOW + 9, 2, after, descending=descending)
            found += [str(one["event.id"]) for one in page.events]
            assert all(one in drawn for one in page.events)
            after = page.next
            if after is None:
                break
        inside = {str(one["event.id"]) for one in drawn if NOW + 1 <= int(str(one["@timestamp"])) < NOW + 9}
        wanted = [one for one in wanted if one in inside]
        assert found == (wanted[::-1] if descending else wanted)
    reader.close()


def filled(folder: Path, events: list[Event]) -> None:
    store = EmbeddedStore(folder, now=lambda: NOW)
    store.append(encode(events), [], 1)
    store.close()


def family(size: int) -> list[Event]:
    return [
        {
            "event.id": event_id(n),
            "@timestamp": NOW + n,
            "host.name": "PC-1",
            "process.pid": n,
            "process.parent.pid": n - 1,
            "process.command_line": f"run {n}",
        }
        for n in range(1, size + 1)
    ]


def named(number: int) -> Node:
    one = Leaf((Field("process.parent.pid", Kind.LONG),), Exact(number))
    return And((Leaf((Field("host.name", Kind.KEYWORD),), Exact("PC-1")), one))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(segments, "ROW_GROUP", 10)
    filled(tmp_path / "store", family(40))
    return tmp_path / "store"


def asked_of_engine(reader: EmbeddedReader, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the statements that the engine is asked from now on: those that look for events."""
    asked: list[str] = []
    run = Engine.run

    def listed(engine: Engine, sql: str, parameters: list[str]) -> object:
        asked.append(sql)
        return run(engine, sql, parameters)

    monkeypatch.setattr(Engine, "run", listed)
    return asked


def found(reader: EmbeddedReader, number: int) -> list[Value]:
    return [one["process.pid"] for one in reader.search(named(number)).events]


def test_the_engine_is_asked_for_whole_events_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = EmbeddedReader(folder)
    asked = asked_of_engine(reader, monkeypatch)
    assert found(reader, 17) == [18]
    assert [one[:8] for one in asked] == ["SELECT *"]
    sparing = reader.sparing(named(17), NOW, NOW + 99, 5, None).events
    assert [set(one) for one in sparing] == [
        {"event.id", "@timestamp", "host.name", "process.pid", "process.parent.pid"}
    ]
    assert len(asked) == 1
    assert [one["process.command_line"] for one in reader.whole(sparing)] == ["run 18"]
    reader.close()


def damage(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("where", ["first", "last"])
def test_a_damaged_index_is_noticed_and_left_out(folder: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = next(folder.glob("*.parquet"))
    sketch = segments.kept_sketch(file)
    assert sketch is not None
    place = sketch.indexes[links.NAME]
    damage(file, place.offset if where == "first" else place.offset + place.size - 1)
    reader = EmbeddedReader(folder)
    asked = asked_of_engine(reader, monkeypatch)
    assert found(reader, 17) == [18]
    assert len(asked) == 2
    reader.close()


@pytest.mark.parametrize("version", [appendix.VERSION + 1, None])
def test_an_index_of_another_version_and_none_at_all_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int | None
) -> None:
    monkeypatch.setattr(segments, "ROW_GROUP", 10)
    if version is None:
        monkeypatch.setattr(segments, "_indexes", lambda _table: {})
    else:
        monkeypatch.setattr(appendix, "VERSION", version)
    filled(tmp_path / "store", family(40))
    monkeypatch.undo()
    reader = EmbeddedReader(tmp_path / "store")
    assert found(reader, 17) == [18]
    reader.close()


MALFORMED = [b"", b"[]", b"{}", b'{"version": 1}', b'{"version": 1, "indexes": {"links": [1]}}', b"\xff"]


@pytest.mark.parametrize("told", [*MALFORMED, json.dumps({"version": 1, "indexes": {"links": ["x", 1, 2]}}).encode()])
def test_a_footer_that_says_something_else_has_no_indexes(told: bytes) -> None:
    assert appendix.places({appendix.KEY: told}) == {}


@pytest.mark.parametrize("place", [(0, 0, 0), (-1, 2, 0), (0, 1 << 40, 0), (10, 100, 0)])
def test_a_place_outside_the_file_has_no_index(tmp_path: Path, place: tuple[int, int, int]) -> None:
    (tmp_path / "file").write_bytes(b"x" * 20)
    assert appendix.content(tmp_path / "file", appendix.Place(*place)) is None


def test_indexes_in_memory_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "MOST_BYTES", 1)
    store = EmbeddedStore(folder, now=lambda: NOW)
    more: list[Event] = [{**one, "event.id": event_id("more", n)} for n, one in enumerate(family(40))]
    store.append(encode(more), [], 2)
    store.close()
    reader = EmbeddedReader(folder)
    assert found(reader, 17) == [18, 18]
    assert len(reader._picking._indexes._kept) == 1
    reader.close()


def test_what_would_be_too_many_rows_is_left_to_the_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "MOST_ROWS", 0)
    reader = EmbeddedReader(folder)
    asked = asked_of_engine(reader, monkeypatch)
    assert found(reader, 17) == [18]
    assert len(asked) == 2
    reader.close()
