"""Questions to the store."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agent.wire.event import event_id
from appliance.search import QueryError
from appliance.store import Cursor, EmbeddedReader, EmbeddedStore, QueryTimeout, Store, StoreWriter, processes
from appliance.store import reader as reader_module
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make


@pytest.mark.parametrize("descending", [True, False])
def test_paging_meets_each_event_once_in_order(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, monkeypatch: pytest.MonkeyPatch, *, descending: bool
) -> None:
    monkeypatch.setattr(reader_module, "FIRST_ROWS", 10)
    for part in range(7):
        store.append(encode([make(n, time=NOW + n // 3 % 40) for n in range(part * 20, part * 20 + 20)]), [], part)
    seen: list[tuple[object, object]] = []
    after: str | None = None
    while True:
        page = reader.search("host:pc-1", limit=9, after=after, descending=descending)
        seen += [(event["@timestamp"], event["event.id"]) for event in page.events]
        after = page.next
        if after is None:
            break
    assert len(seen) == 140
    assert seen == sorted(seen, reverse=descending)
    assert len(set(seen)) == 140


def test_a_new_event_on_top_does_not_move_later_pages(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    store.append(encode([make(n) for n in range(10)]), [], 1)
    first = reader.search("", limit=4)
    store.append(encode([make(99)]), [], 2)
    second = reader.search("", limit=4, after=first.next)
    assert [event["event.id"] for event in second.events] == [event_id(n) for n in (5, 4, 3, 2)]


def test_times_bound_with_the_end_left_out(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    store.append(encode([make(n) for n in range(10)]), [], 1)
    assert reader.count("", NOW + 2, NOW + 5) == 3
    assert len(reader.search("", NOW + 2, NOW + 5).events) == 3
    assert reader.count("", NOW + 50) == 0


def test_histogram_has_every_bucket(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    assert [bucket.count for bucket in reader.histogram("", NOW, NOW + 10, 5)] == [0] * 5
    store.append(encode([make(n) for n in (0, 1, 2, 9, 10)]), [], 1)
    found = reader.histogram("", NOW, NOW + 10, 5)
    assert [(bucket.start - NOW, bucket.count) for bucket in found] == [(0, 2), (2, 1), (4, 0), (6, 0), (8, 1)]
    for start, end, buckets in ((5, 5, 1), (0, 5, 0), (0, 5, 10**6)):
        with pytest.raises(ValueError, match="histogram"):
            reader.histogram("", start, end, buckets)


def test_top_counts_elements_of_any_type_once_an_event(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make
) -> None:
    odd = [make(1, **{"process.pid": 5}), make(2, **{"process.pid": 5}), make(3, **{"process.pid": "5"})]
    odd += [make(4, **{"process.pid": ("5", "5", True, 1.5)}), make(5)]
    store.append(encode(odd), [], 1)
    assert reader.top("", "process.pid") == [(5, 2), ("5", 2), (1.5, 1), (True, 1)]
    assert reader.top("", "process.pid", n=1) == [(5, 2)]
    assert reader.top("", "event.id", n=1, start=NOW + 5) == [(event_id(5), 1)]


def test_empty_store_answers(reader: EmbeddedReader) -> None:
    assert reader.search("a").events == []
    assert (reader.count("a"), reader.top("", "host.name"), reader.get("0" * 32)) == (0, [], None)
    assert reader.stats().bytes_per_event == 0
    assert reader.around("0" * 32, 5) == []


def test_get_and_around(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    store.append(encode([make(n) for n in range(20)] + [make(50, time=NOW + 10, **{"host.name": "PC-2"})]), [], 1)
    assert reader.get(event_id(7)) == reader.get(event_id(7), NOW + 7) == make(7)
    assert reader.get("' OR 1=1") is None
    near = reader.around(event_id(10), 4, limit=5, at=NOW + 10)
    assert [event["event.id"] for event in near] == [event_id(n) for n in range(8, 13)]
    assert len(reader.around(event_id(0), 100, limit=30)) == 20


def test_names_outside_the_schema_are_fields_once_seen(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make
) -> None:
    with pytest.raises(QueryError):
        reader.count("odd.name:x")
    store.append(encode([make(1, **{"odd.name": "x"})]), [], 1)
    assert reader.count("odd.name:x") == 1


def test_a_file_that_was_replaced_meanwhile_costs_a_retry(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(10):
        store.append(encode([make(n)]), [], n)
    stale = reader._segments(None, None)
    store.compact(60)
    for segment in stale:
        (tmp_path / "store" / segment.file).unlink()
    fresh, answers = reader._segments, [stale]
    monkeypatch.setattr(reader, "_segments", lambda start, end: answers.pop() if answers else fresh(start, end))
    assert len(reader.search("host:*").events) == 10
    assert not answers


def test_a_long_question_is_stopped(store: EmbeddedStore, make: Make, tmp_path: Path) -> None:
    store.append(encode([make(n, **{"process.command_line": f"{n}" + "ab" * 2000}) for n in range(5000)]), [], 1)
    hasty = EmbeddedReader(tmp_path / "store", timeout_seconds=0.02)
    with pytest.raises(QueryTimeout):
        hasty.count(" OR ".join(f"x{n}*b?c*{n}" for n in range(40)))
    hasty.close()


def test_the_engine_reads_nothing_outside_its_folder(reader: EmbeddedReader) -> None:
    with pytest.raises(Exception, match=r"Permission|disabled"):
        reader._engine.run("SELECT * FROM read_text('/etc/hostname')", [])


def test_bad_cursors_are_named() -> None:
    for text in ("", "1", "x." + "0" * 32, "1." + "g" * 32, "1.0", "9" * 50 + "." + "0" * 32):
        with pytest.raises(ValueError, match=r".+"):
            Cursor.parse(text)


def test_both_sides_offer_the_interfaces(store: EmbeddedStore, reader: EmbeddedReader) -> None:
    writing: StoreWriter = store
    asking: Store = reader
    assert (writing.applied(), asking.stats().events) == (0, 0)


def test_process_chain_by_guid_and_by_number(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    guid = [
        make(n, **{"process.entity_id": f"{{{n}}}", "process.parent.entity_id": f"{{{n - 1}}}"}) for n in range(1, 6)
    ]
    pids = [
        make(10, **{"process.pid": 100, "process.parent.pid": 1}),
        make(11, **{"process.pid": 200, "process.parent.pid": 100}),
        make(12, **{"process.pid": 100, "process.parent.pid": 7}),
        make(13, **{"process.pid": 100, "message": "not a start"}),
        make(14, **{"process.pid": 300, "process.parent.pid": 100}),
        make(15, **{"process.pid": 100, "process.parent.pid": 1, "host.name": "PC-2"}),
    ]
    store.append(encode(guid + pids), [], 1)
    assert [event["event.id"] for event in reader.process_chain(guid[4])] == [event_id(n) for n in (4, 3, 2, 1)]
    assert len(reader.process_chain(guid[4], depth=2)) == 2
    assert [event["event.id"] for event in reader.process_chain(pids[1])] == [event_id(10)]
    assert [event["event.id"] for event in reader.process_chain(pids[4])] == [event_id(12)]
    assert [event["event.id"] for event in reader.process_chain(pids[3])] == [event_id(12)]
    assert [event["event.id"] for event in reader.process_children(pids[0])] == [event_id(n) for n in (11, 14)]
    assert [event["event.id"] for event in reader.process_children(guid[0])] == [event_id(2)]


def test_ancestors_near_by_are_those_that_single_questions_find(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = random.Random(5)
    starts = [
        make(n, **{"process.pid": drawn.randrange(6), "process.parent.pid": drawn.randrange(6), "host.name": host})
        for n, host in enumerate(drawn.choices(["PC-1", "PC-2"], k=60))
    ]
    store.append(encode(starts), [], 1)
    monkeypatch.setattr(processes, "NEAR", 5)
    near = [[one["event.id"] for one in reader.process_chain(event)] for event in starts]
    monkeypatch.setattr(processes, "STEPS", 99)
    assert near == [[one["event.id"] for one in reader.process_chain(event)] for event in starts]
    assert max(map(len, near)) > 5


def test_a_process_that_claims_to_be_its_own_parent_ends_the_chain(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make
) -> None:
    loop = make(1, **{"process.entity_id": "a", "process.parent.entity_id": "b"})
    back = make(0, **{"process.entity_id": "b", "process.parent.entity_id": "a"})
    store.append(encode([loop, back]), [], 1)
    assert len(reader.process_chain(loop)) == 1


NETWORKS = {
    "10.1.2.3/32": {1, 5},
    "10.1.0.0/16": {1, 2, 5},
    "10.0.0.0/7": {1, 2, 3, 5},
    "0.0.0.0/0": {1, 2, 3, 4, 5},
    "fe80::/10": {6},
    '"::/0"': {6},
}


@pytest.mark.parametrize(("network", "wanted"), NETWORKS.items())
def test_networks_of_every_width(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, network: str, wanted: set[int]
) -> None:
    texts = ["10.1.2.3", "10.1.200.1", "11.0.0.1", "192.168.1.1", "::ffff:10.1.2.3", "FE80::1%eth0", "10.1.2", "x"]
    store.append(encode([make(n + 1, **{"source.ip": text}) for n, text in enumerate(texts)]), [], 1)
    found = {event["@timestamp"] for event in reader.search(f"source.ip:{network}").events}
    assert found == {NOW + n for n in wanted}
