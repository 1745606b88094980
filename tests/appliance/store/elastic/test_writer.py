"""The writer against real nodes: in full against one engine, what engines may do differently against each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.settings import ElasticSettings, StoreSettings
from appliance.store import Hold, Keeping, StoreUnavailable
from appliance.store.classes import ORDINARY
from appliance.store.elastic.check import check
from appliance.store.elastic.finding import Weight
from appliance.store.elastic.mapping import LONGEST, digest, index_body, index_name, mappings
from appliance.store.elastic.spool import Deleted, Spool
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make
from tests.appliance.store.elastic.conftest import Pair
from tests.nodes.node import Node

pytestmark = pytest.mark.nodes


@pytest.fixture
def events(make: Make) -> list[Event]:
    return [make(n, **{"process.pid": n, "host.name": "PC-1", "event.ingested": NOW}) for n in range(20)]


def _names(http: httpx.Client, settings: ElasticSettings) -> set[str]:
    return set(http.get(f"/{settings.index}-*").raise_for_status().json())


def test_the_index_is_what_the_mapping_says(each: Pair, http_of_each: httpx.Client, events: list[Event]) -> None:
    each.store.append(encode(events), [], 1)
    each.store.flush()
    (name,) = _names(http_of_each, each.settings)
    assert name == index_name(each.settings.index, NOW, ORDINARY)
    told = http_of_each.get(f"/{name}").raise_for_status().json()[name]
    assert told["settings"]["index"]["codec"] == "best_compression"
    found = told["mappings"]["properties"]

    def leaf(path: str) -> dict[str, Any]:
        here: dict[str, Any] = {"properties": found}
        for step in path.split("."):
            here = here["properties"][step]
        return here

    for path, wanted in mappings()["properties"].items():
        assert leaf(path)["type"] == wanted["type"], path
    assert leaf("user.name")["ignore_above"] == LONGEST
    assert http_of_each.get("/_cluster/health", params={"index": name}).json()["status"] == "green"


def test_an_index_that_somebody_deletes_comes_back_as_it_should_be(
    pair: Pair, http: httpx.Client, events: list[Event]
) -> None:
    pair.store.append(encode(events[:5]), [], 1)
    pair.store.flush()
    name = index_name(pair.settings.index, NOW, ORDINARY)
    http.delete(f"/{name}").raise_for_status()
    pair.store.append(encode(events[5:]), [], 2)
    pair.store.flush()
    assert pair.reader.count("process.pid:>=5 host.name:pc-1") == 15
    found = http.get(f"/{name}").raise_for_status().json()[name]["mappings"]
    assert found["dynamic"] == "false"


def test_nothing_is_there_twice(pair: Pair, events: list[Event], make: Make) -> None:
    pair.store.append(encode(events), [], 1)
    pair.store.append(encode(events[:5]), [], 2)
    pair.store.flush()
    pair.store.append(encode(events), [], 3)
    pair.store.flush()
    # The same events, arriving on another day: their index is another, and the id alone would not keep them out.
    late = [{**event, "event.ingested": NOW + 3 * DAY} for event in events]
    assert pair.store.known(encode([*late, make(99)])).tolist() == [True] * len(late) + [False]
    pair.store.append(encode([*late, make(99)]), [], 4)
    pair.store.flush()
    assert pair.reader.count("") == len(events) + 1
    assert pair.store.applied() == 4
    assert not pair.refused


def test_what_comes_again_on_another_day_is_asked_for_whatever_its_clock_said(pair: Pair, make: Make) -> None:
    ahead = [make(n, **{"@timestamp": NOW + DAY + n, "event.ingested": NOW}) for n in range(5)]
    pair.store.append(encode(ahead), [], 1)
    pair.store.flush()
    again = [{**event, "event.ingested": NOW + DAY} for event in ahead]
    now = [make(50 + n, **{"@timestamp": NOW + DAY + n, "event.ingested": NOW + DAY}) for n in range(5)]
    pair.store.append(encode([*again, *now]), [], 2)
    pair.store.flush()
    assert pair.reader.count("") == 10


def test_a_writer_that_dies_between_the_cluster_and_the_spool_doubles_nothing(
    pair: Pair, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [make(n, **{"event.ingested": NOW}) for n in range(10)]
    pair.store.append(encode(first), [], 1)
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "done", _die)
        with pytest.raises(KeyboardInterrupt):
            pair.store.flush()
    pair.store.close()
    after = Pair(pair.settings, pair.spool.parent)
    # Its own parcel waits still; on the next day the stations send all of it again, with something new.
    later = [{**event, "event.ingested": NOW + DAY} for event in [*first, make(90)]]
    after.store.append(encode(later), [], 2)
    after.store.flush()
    after.store.append(encode(later), [], 3)
    after.store.flush()
    assert after.reader.count("") == 11
    assert after.store.standing().events == 0
    after.close()


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_field_of_another_type_in_the_index_costs_that_field_alone(
    each: Pair, http_of_each: httpx.Client, events: list[Event]
) -> None:
    body = index_body()
    body["mappings"]["properties"] |= {"process.pid": {"type": "short"}}
    http_of_each.put(f"/{index_name(each.settings.index, NOW, ORDINARY)}", json=body).raise_for_status()
    wide: list[Event] = [{**event, "process.pid": 5000 * n} for n, event in enumerate(events)]
    each.store.append(encode(wide), [], 1)
    each.store.flush()
    assert not each.refused
    asked = ("process.pid:5000", "process.pid:95000", "process.pid:>=30000", "host.name:pc-1", "process.pid:*")
    assert [each.reader.count(query) for query in asked] == [1, 1, 14, 20, 20]
    assert each.reader.search("process.pid:95000").events == [wide[19]]


def test_an_index_without_room_for_fields_costs_no_event(pair: Pair, http: httpx.Client, events: list[Event]) -> None:
    body = index_body()
    every, ours = body["mappings"]["properties"], ("czujka.store.", "@timestamp", "event.id")
    own = {name: one for name, one in every.items() if name.startswith(ours)}
    body["mappings"] = {"dynamic": "strict", "properties": own}
    http.put(f"/{index_name(pair.settings.index, NOW, ORDINARY)}", json=body).raise_for_status()
    pair.store.append(encode(events), [], 1)
    pair.store.flush()
    assert not pair.refused
    assert pair.reader.count("process.pid:[5 TO 9] host.name:pc*") == 5


def test_old_days_go_by_their_exact_names(pair: Pair, http: httpx.Client, make: Make) -> None:
    days = [make(n, **{"event.ingested": NOW - n * DAY}) for n in (0, 1, 5, 9)]
    pair.store.append(encode(days), [], 1)
    pair.store.flush()
    foreign = f"{pair.settings.index}-notatki"
    http.put(f"/{foreign}").raise_for_status()
    gone = pair.store.retain(Keeping({"ordinary": 4, "accountability": 2}))
    assert (gone.events, gone.segments, gone.upto) == (2, 2, "2027-01-10")
    kept = {index_name(pair.settings.index, NOW - n * DAY, ORDINARY) for n in (0, 1)}
    assert _names(http, pair.settings) == {*kept, foreign}
    assert [one.reason for one in pair.store.deletions()] == ["age", "age"]
    assert pair.reader.count("") == 2


def test_an_index_with_a_held_event_stays(pair: Pair, make: Make) -> None:
    days = [
        make(n, **{"event.ingested": NOW - n * DAY, "@timestamp": NOW - n * DAY, "host.name": f"PC-{n}"})
        for n in (4, 5, 9)
    ]
    pair.store.append(encode(days), [], 1)
    pair.store.flush()
    keeping = Keeping(
        {"ordinary": 3}, holds=[Hold(NOW - 10 * DAY, NOW, "pc-9"), Hold(NOW - 4 * DAY, NOW - 4 * DAY + 1)]
    )
    gone = pair.store.retain(keeping)
    assert (gone.events, gone.held) == (1, 2)
    assert pair.reader.count("host.name:pc-5") == 0
    assert pair.reader.count("") == 2
    usage = pair.reader.usage()
    assert [(one.day, one.events) for one in usage.days] == [(NOW // DAY - 9, 1), (NOW // DAY - 4, 1)]
    assert usage.retention is not None
    assert usage.retention.told == {"events": 1}


def test_a_deletion_that_was_only_meant_is_settled_by_what_is_there(pair: Pair, http: httpx.Client, make: Make) -> None:
    days = [make(n, **{"event.ingested": NOW - n * DAY, "@timestamp": NOW - n * DAY}) for n in (5, 6, 7)]
    pair.store.append(encode(days), [], 1)
    pair.store.flush()
    names = {n: index_name(pair.settings.index, NOW - n * DAY, ORDINARY) for n in (5, 6, 7)}
    spool = Spool(pair.spool, 1 << 20)
    for n, name in names.items():
        spool.mean_deletion(Deleted(NOW, "age", NOW // DAY - n, name, 1, 5000))
    http.delete(f"/{names[7]}").raise_for_status()
    http.post(f"/{names[6]}/_close").raise_for_status()
    gone = pair.store.retain(Keeping({"ordinary": 4}, holds=[Hold(NOW - 5 * DAY, NOW)]))
    assert (gone.events, gone.upto) == (1, "2027-01-08")
    # What is held is not meant any more; of a closed one nobody knows what it has.
    assert [one.name for one in spool.deletions()] == [names[7]]
    assert [one.name for one in spool.deleting()] == [names[6]]
    spool.close()


def test_the_oldest_day_goes_past_the_bound_and_today_never(pair: Pair, make: Make) -> None:
    days = [make(n, **{"event.ingested": NOW - n * DAY}) for n in (0, 1, 2)]
    pair.store.append(encode(days), [], 1)
    pair.store.flush()
    tight = Pair(pair.settings.model_copy(update={"max_bytes": 1}), pair.spool.parent / "tight")
    assert tight.store.retain(Keeping({"ordinary": 100})).events == 2
    assert pair.reader.count("") == 1
    tight.close()


def test_a_cluster_that_is_fit_is_told_so(every: Node, settings_of_every: ElasticSettings) -> None:
    found = check(StoreSettings(kind="elasticsearch", elasticsearch=settings_of_every))
    assert not [one for one in found if one.weight is Weight.BAD], found
    assert every.engine.version in found[0].text("pl")
    if every.engine.secure:
        assert "Konto ma wszystkie potrzebne prawa." in [one.text("pl") for one in found]


def test_a_read_only_index_keeps_events_waiting(pair: Pair, http: httpx.Client, events: list[Event]) -> None:
    pair.store.append(encode(events[:5]), [], 1)
    pair.store.flush()
    name = index_name(pair.settings.index, NOW, ORDINARY)
    http.put(f"/{name}/_settings", json={"index.blocks.write": True}).raise_for_status()
    pair.store.append(encode(events), [], 2)
    with pytest.raises(StoreUnavailable, match="block"):
        pair.store.flush()
    http.put(f"/{name}/_settings", json={"index.blocks.write": None}).raise_for_status()
    pair.store.flush()
    assert pair.reader.count("") == len(events)
    assert digest() in name


def test_the_wrong_engine_in_the_settings_says_what_to_write(every: Node, settings_of_every: ElasticSettings) -> None:
    other = "elasticsearch" if settings_of_every.engine == "opensearch" else "opensearch"
    wrong = settings_of_every.model_copy(update={"engine": other})
    first, *_ = check(StoreSettings(kind="elasticsearch", elasticsearch=wrong))
    assert first.weight is Weight.BAD
    assert "engine" in first.advice("pl")


def test_a_spool_of_another_folder_waits_alone(settings: ElasticSettings, tmp_path: Path, events: list[Event]) -> None:
    first, second = Pair(settings, tmp_path / "a"), Pair(settings, tmp_path / "b")
    first.store.append(encode(events[:15]), [], 1)
    second.store.append(encode(events[5:]), [], 1)
    first.store.flush()
    second.store.flush()
    assert first.reader.count("") == len(events)
    first.close()
    second.close()
