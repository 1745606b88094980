"""A cluster in trouble: what it says is sorted, nothing is lost, nothing is there twice, and nobody waits for ever."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.normalise.model import Event
from appliance.settings import ElasticSettings
from appliance.store import BatchResult, QueryStopped, QueryTimeout, StoreUnavailable
from appliance.store.bounds import bounded
from appliance.store.elastic import bulk, questions, writer
from appliance.store.elastic.documents import decode
from appliance.store.elastic.mapping import index_name
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.spool import Parcel, Spool
from appliance.store.elastic.sums import Summed
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make
from tests.appliance.store.elastic.conftest import Pair
from tests.appliance.store.elastic.faulty import BLOCKED, BROKEN, BUSY, Faulty, serving
from tests.e2e.box import wait_for


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    with serving(Faulty()) as served:
        yield served


@pytest.fixture
def box(faulty: Faulty, tmp_path: Path) -> Iterator[Pair]:
    made = Pair(ElasticSettings(hosts=[faulty.url], timeout_seconds=1, spool_bytes=1 << 20), tmp_path)
    yield made
    made.close()


@pytest.fixture
def events(make: Make) -> list[Event]:
    return [make(n, **{"process.pid": n, "winlog.event_data.Foo": f"v{n}"}) for n in range(10)]


RED = (503, {"error": {"type": "unavailable_shards_exception", "reason": "primary shard is not active"}, "status": 503})
WHOLE = [
    (429, {"error": {"type": "circuit_breaking_exception", "reason": "Data too large"}, "status": 429}),
    RED,
    (403, {"error": BLOCKED, "status": 403}),
    (401, {"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401}),
    (200, {"errors": False, "items": []}),
]
ITEMS: list[dict[int, tuple[int, Any]]] = [
    dict.fromkeys(range(10), (429, BUSY)),
    dict.fromkeys(range(5), (503, {"type": "unavailable_shards_exception", "reason": "no primary"})),
    {3: (403, BLOCKED), 4: (429, BLOCKED)},
    {9: (404, {"type": "index_not_found_exception", "reason": "no such index"})},
]


@pytest.mark.parametrize("fault", [*WHOLE, *ITEMS])
def test_what_the_cluster_does_not_take_now_is_sent_again(
    faulty: Faulty, box: Pair, events: list[Event], fault: tuple[int, Any] | dict[int, tuple[int, Any]]
) -> None:
    box.store.append(encode(events), [], 7)
    faulty.faults.append(fault)
    with pytest.raises(StoreUnavailable):
        box.store.ship()
    standing = box.store.standing()
    assert (standing.events, standing.failing_since) == (10, NOW)
    assert standing.reason
    box.store.flush()
    assert {decode(one)["event.id"] for one in faulty.documents.values()} == {event["event.id"] for event in events}
    assert box.store.standing().events == 0
    assert box.store.standing().failing_since is None
    assert not box.refused


def test_a_field_that_the_index_does_not_take_costs_that_field_alone(
    faulty: Faulty, box: Pair, events: list[Event]
) -> None:
    faulty.faults.append({2: (400, BROKEN)})
    box.store.append(encode(events), [], 1)
    box.store.flush()
    document = faulty.documents[str(events[2]["event.id"])]
    assert "process.pid" not in document
    assert document["host.name"] == "PC-1"
    assert decode(document) == events[2]
    assert faulty.bulks == [10, 1]


def test_an_unnamed_conflict_costs_the_types_but_not_the_event(faulty: Faulty, box: Pair, events: list[Event]) -> None:
    limit = {"type": "illegal_argument_exception", "reason": "Limit of total fields [1000] has been exceeded"}
    faulty.faults.append({0: (400, limit)})
    box.store.append(encode(events), [], 1)
    box.store.flush()
    document = faulty.documents[str(events[0]["event.id"])]
    assert "host.name" not in document
    assert decode(document) == events[0]


def test_what_the_cluster_never_takes_is_put_aside_with_its_reason(
    faulty: Faulty, box: Pair, events: list[Event]
) -> None:
    odd = {"type": "document_parsing_exception", "reason": "nobody knows"}
    faulty.faults.extend([{5: (400, odd)}, {0: (400, odd)}])
    box.store.append(encode(events), [], 1)
    box.store.flush()
    assert len(faulty.documents) == 9
    ((item, reason),) = box.refused
    assert item.id == events[5]["event.id"]
    assert "nobody knows" in reason


def test_a_bulk_that_is_too_large_is_halved_until_it_fits(faulty: Faulty, box: Pair, events: list[Event]) -> None:
    large = (413, {"error": "too large", "status": 413})
    faulty.faults.extend([large, large])
    box.store.append(encode(events), [], 1)
    box.store.flush()
    assert faulty.bulks == [10, 5, 2, 3, 5]
    assert len(faulty.documents) == 10


def test_one_event_that_is_too_large_is_put_aside(faulty: Faulty, box: Pair, events: list[Event]) -> None:
    faulty.faults.append((413, {"error": "too large", "status": 413}))
    box.store.append(encode(events[:1]), [], 1)
    box.store.flush()
    assert not faulty.documents
    assert [item.id for item, _ in box.refused] == [events[0]["event.id"]]


def test_a_lost_answer_leaves_nothing_twice(
    faulty: Faulty, box: Pair, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "SECONDS", 0.3)
    hanging = threading.Event()
    faulty.faults.append(hanging)
    box.store.append(encode(events), [], 1)
    with pytest.raises(StoreUnavailable, match="na czas"):
        box.store.ship()
    hanging.set()
    box.store.flush()
    assert len(faulty.documents) == 10
    assert box.store.standing().events == 0


def test_the_pipeline_does_not_wait_for_a_cluster_that_is_away(faulty: Faulty, box: Pair, events: list[Event]) -> None:
    faulty.silent.set()
    assert not box.store.known(encode(events)).any()
    result = BatchResult(4, "agent", 10, 10, 0, 0)
    box.store.append(encode(events), [result], 4)
    assert box.store.known(encode(events)).all()
    assert box.store.applied() == 4
    assert box.reader.results([4, 5]) == {4: result}
    with pytest.raises(StoreUnavailable, match="nie jest gotowy"):
        box.store.flush()
    waiting = box.reader.waiting()
    assert waiting.events == 10
    assert "nie jest gotowy" in waiting.reason
    faulty.silent.clear()
    box.store.flush()
    assert len(faulty.documents) == 10


def test_a_full_spool_says_so_and_takes_nothing(faulty: Faulty, box: Pair, make: Make) -> None:
    faulty.silent.set()
    noise = random.Random(1)
    many = [make(n, message=noise.randbytes(2000).hex()) for n in range(600)]
    with pytest.raises(StoreUnavailable, match="więcej się nie mieści"):
        box.store.append(encode(many), [], 9)
    assert (box.store.applied(), box.store.standing().events) == (0, 0)
    box.store.append(encode(many[:100]), [], 9)
    assert (box.store.applied(), box.store.standing().events) == (9, 100)


def test_a_day_like_any_other_costs_one_question_a_class_and_one_bulk(
    faulty: Faulty, box: Pair, events: list[Event], make: Make
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    answer = faulty.answer

    def noted(method: str, path: str, body: bytes) -> tuple[int, Any]:
        if "_search" in path or "_bulk" in path:
            asked.append((path.partition("?")[0], {} if "_bulk" in path else json.loads(body)))
        return answer(method, path, body)

    faulty.answer = noted  # type: ignore[method-assign]
    box.store.append(encode([*events, make(10, **{"event.category": "iam"})]), [], 1)
    box.store.flush()
    assert [path.rpartition("/")[2] for path, _ in asked] == ["_search", "_search", "_bulk"]
    for (_, question), source_class, count in zip(asked, ("accountability", "ordinary"), (1, 10), strict=False):
        assert (question["size"], question["_source"]) == (count, False)
        # A document's own index needs no question: there the id keeps a second one out.
        own = index_name(box.settings.index, NOW, source_class)
        assert {"bool": {"must_not": [{"term": {"_index": {"value": own}}}]}} in question["query"]["bool"]["filter"]


def test_what_is_taken_at_once_is_what_the_file_has(box: Pair, make: Make) -> None:
    many = [make(n, message="x" * 100) for n in range(5000)]
    box.store.append(encode(many), [], 1)
    box.store.append(encode([make(6000 + n) for n in range(5000)]), [], 2)
    again = Spool(box.spool, 1 << 20)
    taken = box.store._spool.oldest(20_000)
    assert [one.items for one in taken] == [one.items for one in again.oldest(20_000)]
    assert [len(one.items) for one in taken] == [2000, 2000, 1000, 2000, 2000, 1000]
    assert box.store._spool.waiting(item.id for item in taken[2].items[:700]) == {
        item.id for item in taken[2].items[:700]
    }
    assert [one.items for one in box.store._spool.oldest(20_000)] == [one.items for one in taken]
    again.close()


def test_what_waits_outlives_the_process(faulty: Faulty, box: Pair, events: list[Event]) -> None:
    faulty.silent.set()
    box.store.append(encode(events), [], 3)
    box.store.close()
    faulty.silent.clear()
    again = ElasticStore(box.settings, box.spool, lambda *_: None, lambda: NOW, background=False)
    assert again.applied() == 3
    again.append(encode(events), [], 3)
    again.flush()
    again.close()
    assert len(faulty.documents) == 10


def test_a_second_writer_is_kept_out(box: Pair) -> None:
    with pytest.raises(StoreUnavailable, match="another process"):
        ElasticStore(box.settings, box.spool, lambda *_: None, background=False)


def test_the_background_thread_ships_and_tries_again(
    faulty: Faulty, events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FIRST_WAIT", 0.01)
    faulty.faults.append(RED)
    store = ElasticStore(ElasticSettings(hosts=[faulty.url]), tmp_path / "spool.db", lambda *_: None)
    shipped = threading.Event()
    done = store._spool.done

    def note(_: object, parcels: Sequence[Parcel], at: int, sums: Sequence[Summed]) -> None:
        done(parcels, at, sums)
        shipped.set()

    monkeypatch.setattr(type(store._spool), "done", note)
    store.append(encode(events), [], 1)
    assert shipped.wait(20)
    store.close()
    assert len(faulty.documents) == 10


def test_questions_to_a_cluster_in_trouble_are_bounded_and_clear(faulty: Faulty, tmp_path: Path) -> None:
    faulty.silent.set()
    reader = ElasticReader(ElasticSettings(hosts=[faulty.url], timeout_seconds=1), tmp_path / "spool.db")
    for ask in (lambda: reader.search(""), lambda: reader.count(""), lambda: reader.top("", "host"), reader.stats):
        with pytest.raises(StoreUnavailable, match="nie jest gotowy"):
            ask()
    reader.close()


def test_a_question_that_hangs_ends_at_its_bound(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "SLACK_SECONDS", 0.0)
    hanging = threading.Event()
    answer = faulty.answer

    def slow(method: str, path: str, body: bytes) -> tuple[int, Any]:
        hanging.wait(30)
        return answer(method, path, body)

    faulty.answer = slow  # type: ignore[method-assign]
    reader = ElasticReader(ElasticSettings(hosts=[faulty.url], timeout_seconds=1), tmp_path / "spool.db")
    with pytest.raises(QueryTimeout):
        reader.get("0" * 32)
    hanging.set()
    reader.close()


def test_a_question_is_let_go_when_its_asker_goes(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "CONCURRENT", 1)
    asked, hanging, gone = threading.Event(), threading.Event(), threading.Event()
    answer = faulty.answer

    def slow(method: str, path: str, body: bytes) -> tuple[int, Any]:
        asked.set()
        hanging.wait(30)
        return answer(method, path, body)

    def leave() -> None:
        asked.wait(30)
        gone.set()

    faulty.answer = slow  # type: ignore[method-assign]
    reader = ElasticReader(ElasticSettings(hosts=[faulty.url], timeout_seconds=60), tmp_path / "spool.db")
    leaving = threading.Thread(target=leave)
    leaving.start()
    with bounded(stop=gone), pytest.raises(QueryStopped):
        reader.get("0" * 32)
    leaving.join()
    # The request that was left alone still takes its place, so the next one waits for it within its own bounds.
    with bounded(seconds=0.2, stop=threading.Event()), pytest.raises(QueryTimeout):
        reader.get("0" * 32)
    hanging.set()
    with bounded(stop=threading.Event()):
        assert reader.get("0" * 32) is None
    reader.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_an_address_where_nobody_is_says_so(url: str, tmp_path: Path) -> None:
    reader = ElasticReader(ElasticSettings(hosts=[url], timeout_seconds=1), tmp_path / "spool.db")
    with pytest.raises(StoreUnavailable, match="Nie ma połączenia"):
        reader.get("0" * 32)
    reader.close()


def test_another_host_is_asked_when_one_is_away(faulty: Faulty, events: list[Event], tmp_path: Path) -> None:
    pair = Pair(ElasticSettings(hosts=["http://127.0.0.1:9", faulty.url]), tmp_path)
    pair.store.append(encode(events), [], 1)
    pair.store.flush()
    pair.close()
    assert len(faulty.documents) == 10


@pytest.mark.parametrize("answer", [(200, {}), (200, {"items": "?"}), (200, []), (200, {"items": [{}]})])
def test_an_answer_of_something_else_neither_loses_events_nor_ends_the_thread(
    faulty: Faulty, events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, Any]
) -> None:
    monkeypatch.setattr(writer, "FIRST_WAIT", 0.01)
    faulty.faults.append(answer)
    store = ElasticStore(ElasticSettings(hosts=[faulty.url]), tmp_path / "spool.db", lambda *_: None)
    store.append(encode(events), [], 1)
    wait_for("all are there after all", lambda: len(faulty.documents) == len(events) or None)
    store.close()
    assert store.faults <= 1


def test_a_question_to_something_else_says_so(faulty: Faulty, tmp_path: Path) -> None:
    faulty.answer = lambda *_: (200, {"hello": "world"})  # type: ignore[method-assign]
    reader = ElasticReader(ElasticSettings(hosts=[faulty.url]), tmp_path / "spool.db")
    with pytest.raises(StoreUnavailable, match="coś innego"):
        reader.count("")
    reader.close()
