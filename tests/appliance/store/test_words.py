"""The index of words: exactly the rows that have a word, or no answer at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.normalise.model import Event, Value
from appliance.search import Field, Kind, Node, matches
from appliance.search.nodes import And, Everything, Exact, Leaf, Not, Or, Pattern, Wild
from appliance.store import EmbeddedReader, EmbeddedStore, segments, words
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW

PARTS = ("alfa", "ALFAbet", "beta", "lfab", "ab", "x.alfa-7", "\u0130alfa", "\u212abeta", "żalfaż", "mimikatz", "true")
SOUGHT = ("alfa", "alf", "lfa", "bet", "ialf", "kbeta", "mimikatz", "nan", "true", "inf", "absent", "betalfa")
NAMES = ("message", "user.name", "process.command_line", "winlog.x", "event.original", "process.pid")
texts = st.lists(st.sampled_from(PARTS), max_size=3).flatmap(
    lambda parts: st.sampled_from(["", " ", "_", "\n"]).map(lambda glue: glue.join(parts))
)
values: st.SearchStrategy[Value] = st.one_of(
    texts, texts, st.sampled_from([5, True, float("nan"), float("inf"), (), ("alfa", 3, "beta"), (True, "mimikatz")])
)


@st.composite
def batches(draw: st.DrawFn) -> list[Event]:
    drawn = draw(st.lists(st.dictionaries(st.sampled_from(NAMES), values, max_size=4), min_size=9, max_size=20))
    some: list[Event] = [{"event.id": event_id(n), "@timestamp": NOW + n // 2, **one} for n, one in enumerate(drawn)]
    return sorted(some, key=lambda one: (one["@timestamp"], one["event.id"]))


def free(text: str) -> Node:
    return Leaf((), Pattern((text,), inside=True))


@settings(deadline=None, max_examples=30)
@given(drawn=batches(), few=st.sampled_from([0, 2, 512]), size=st.sampled_from([3, 8, 32_768]))
def test_a_word_is_found_in_exactly_the_rows_that_have_it(drawn: list[Event], few: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(words, "_SLICE", size)
        patched.setattr(words, "_FEW_TEXTS", few)
        patched.setattr(words, "BYTES_A_ROW", 1000)
        index = words.build(encode(drawn).table)
    assert index is not None
    for text in SOUGHT:
        rows = words.find(index, text)
        assert rows is not None
        assert rows.tolist() == [at for at, one in enumerate(drawn) if matches(free(text), one)], text


@given(st.sets(st.integers(0, 40_000), min_size=1, max_size=60), st.sampled_from([100, 40_001, 10_000_000]))
def test_rows_come_back(drawn: set[int], size: int) -> None:
    rows = np.array(sorted(drawn), np.int64)
    assert words._decoded(words._encoded(rows, size)).tolist() == rows.tolist()


SAID = [Field("message", Kind.TEXT), Field("user.name", Kind.KEYWORD), Field("process.command_line", Kind.WILDCARD)]
patterns = st.builds(
    Pattern,
    st.lists(st.sampled_from([*SOUGHT, ".", "x.alfa", "alfa-7", Wild.MANY, Wild.ONE]), min_size=1, max_size=3).map(
        tuple
    ),
    st.booleans(),
)
leaves: st.SearchStrategy[Node] = (
    st.just(Everything())
    | st.sampled_from(SOUGHT).map(free)
    | st.builds(Leaf, st.sampled_from(SAID).map(lambda one: (one,)), patterns)
)
asked: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=10)
@given(drawn=batches(), queries=st.lists(asked, min_size=6, max_size=6), cost=st.sampled_from([0, 5, 1000]))
def test_a_store_with_words_answers_as_the_reference_does(
    tmp_path_factory: pytest.TempPathFactory, *, drawn: list[Event], queries: list[Node], cost: int
) -> None:
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "ROW_GROUP", 4)
        patched.setattr(words, "BYTES_A_ROW", cost)
        filled(folder, drawn)
    reader = EmbeddedReader(folder)
    for node in queries:
        wanted = [str(one["event.id"]) for one in drawn if matches(node, one)]
        assert reader.count(node) == len(wanted), node
        page = reader.search(node, limit=100)
        assert [one["event.id"] for one in page.events] == wanted[::-1], node
        inside = [one for one in drawn if NOW + 1 <= int(str(one["@timestamp"])) < NOW + 5 and matches(node, one)]
        assert reader.count(node, NOW + 1, NOW + 5) == len(inside), node
        parts = reader.histogram(node, NOW + 1, NOW + 5, 2)
        assert [one.count for one in parts] == [
            sum(1 for one in inside if part.start <= int(str(one["@timestamp"])) < part.start + 2) for part in parts
        ]
        few = reader.search(node, NOW + 1, NOW + 5, 2, descending=False)
        assert [one["event.id"] for one in few.events] == [one["event.id"] for one in inside[:2]]
    reader.close()


def filled(folder: Path, events: list[Event]) -> None:
    store = EmbeddedStore(folder, now=lambda: NOW)
    store.append(encode(events), [], 1)
    store.close()


def test_words_that_always_stand_together_share_their_rows() -> None:
    def index_of(text: str) -> bytes:
        rows: list[Event] = [
            {"event.id": event_id(n), "@timestamp": n, "message": text * (n % 3 < 2)} for n in range(500)
        ]
        index = words.build(encode(rows).table)
        assert index is not None
        return index

    one, both = index_of("program"), index_of("program files")
    assert len(both) - len(one) < 20
    wanted = [n for n in range(500) if n % 3 < 2]
    for text in ("program", "files", "ogra"):
        found = words.find(both, text)
        assert found is not None
        assert found.tolist() == wanted


def test_too_many_words_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_WORDS", 3)
    rows = encode([{"event.id": event_id(n), "@timestamp": n, "message": "abc def ghi jkl"} for n in range(2)])
    assert words.build(rows.table) is None


def test_what_is_too_dear_is_left_out_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "BYTES_A_ROW", 1)
    some: list[Event] = [{"event.id": event_id(n), "@timestamp": n, "message": "frequent"} for n in range(100)]
    some += [{"event.id": event_id(n), "@timestamp": n, "message": "rare frequent x"} for n in range(100, 101)]
    monkeypatch.setattr(words, "_encoded", lambda rows, _size: bytes(len(rows)) + b"x")
    index = words.build(encode(some).table)
    assert index is not None
    assert words.find(index, "equen") is None
    found = words.find(index, "nothing")
    assert found is not None
    assert not len(found)


def test_a_damaged_index_of_words_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "ROW_GROUP", 4)
    filled(tmp_path, [{"event.id": event_id(n), "@timestamp": NOW + n, "message": f"alfa {n}"} for n in range(20)])
    file = next(tmp_path.glob("*.parquet"))
    sketch = segments.kept_sketch(file)
    assert sketch is not None
    content = bytearray(file.read_bytes())
    content[sketch.indexes[words.NAME].offset + 3] ^= 0xFF
    file.write_bytes(content)
    reader = EmbeddedReader(tmp_path)
    assert reader.count(free("alfa")) == 20
    assert reader.count(Leaf((Field("message", Kind.TEXT),), Exact("alfa 3"))) == 1
    reader.close()
