"""Events in a cluster: each hour's sum is sealed, and whatever is done to them there is found and named."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from appliance.clock import DAY, HOUR, MINUTE
from appliance.evidence.check import Asked, check, told
from appliance.evidence.hours import GRACE
from appliance.evidence.ledger import Ledger
from appliance.evidence.pack import PackFault, Wanted, export
from appliance.evidence.verify import PackCheck
from appliance.journal import JournalUnavailable
from appliance.normalise.model import Event
from appliance.settings import StoreSettings
from appliance.store import Keeping, StoreUnavailable
from appliance.store.classes import ORDINARY
from appliance.store.elastic.mapping import index_body, index_name
from appliance.store.elastic.spool import Deleted, Spool
from appliance.store.elastic.sums import summed
from appliance.store.elastic.whole import WholeIndices
from tests.appliance.evidence.conftest import NOW, Afar, Box

BEGUN = NOW - NOW % HOUR


def entries(box: Box, *kinds: str) -> list[dict[str, object]]:
    with Ledger(box.home.evidence) as ledger:
        return [entry["payload"] for entry in ledger.of_kind(*(kinds or ("hour", "index_deletion")))]


@pytest.fixture
def spool(box: Box) -> Iterator[Spool]:
    made = Spool(box.home.spool, 1 << 30)
    yield made
    made.close()


def came(spool: Spool, at: int, *numbers: int, now: int | None = None) -> None:
    found = [(f"{n:032x}", b'{"event.ingested":%d}' % at) for n in numbers]
    spool.done([], at if now is None else now, summed("events-1", found))


def test_an_hour_is_sealed_when_it_has_ended_and_again_when_more_came(box: Box, spool: Spool) -> None:
    came(spool, NOW, 1, 2)
    box.keeper.round()
    box.now = BEGUN + HOUR + GRACE - 1
    came(spool, box.now, 3)
    box.keeper.round()
    assert entries(box) == []
    box.now += 1
    for _ in range(2):
        box.keeper.round()
        assert [(one["hour"], one["events"]) for one in entries(box)] == [(BEGUN, 2)]
    came(spool, NOW, 4, now=box.now + MINUTE)
    box.now += 2 * HOUR
    box.keeper.round()
    assert [(one["hour"], one["events"]) for one in entries(box)] == [(BEGUN, 2), (BEGUN, 3), (BEGUN + HOUR, 1)]
    box.keeper.round()
    assert len(entries(box)) == 3


def test_hours_are_sealed_after_a_clock_was_put_right(box: Box, spool: Spool) -> None:
    """It was five hours ahead; what comes next has earlier times than what was sealed."""
    came(spool, NOW + 5 * HOUR, 1)
    box.now = NOW + 7 * HOUR
    box.keeper.round()
    came(spool, NOW, 2, 3)
    box.now = NOW + 2 * HOUR
    box.keeper.round()
    assert [(one["hour"], one["events"]) for one in entries(box)] == [(BEGUN + 5 * HOUR, 1), (BEGUN, 2)]
    came(spool, NOW + 5 * HOUR, 4, now=NOW + HOUR)
    box.now = NOW + 7 * HOUR
    box.keeper.round()
    assert [(one["hour"], one["events"]) for one in entries(box)][2:] == [(BEGUN + 5 * HOUR, 2)]


def test_hours_of_a_new_spool_are_sealed_too(box: Box, spool: Spool) -> None:
    for n in range(4):
        came(spool, NOW + n * HOUR, n)
    spool.note_deletions([Deleted(NOW, "age", NOW // DAY, name, 1, 5000) for name in ("events-8", "events-9")])
    box.now = NOW + 6 * HOUR
    box.keeper.round()
    spool.close()
    for path in box.home.spool.parent.glob(f"{box.home.spool.name}*"):
        path.unlink()
    fresh = Spool(box.home.spool, 1 << 30)
    came(fresh, NOW + 5 * HOUR, 9)
    fresh.note_deletions([Deleted(NOW, "age", NOW // DAY, "events-0", 1, 5000)])
    fresh.close()
    box.now = NOW + 8 * HOUR
    box.keeper.round()
    assert [one.get("hour", one.get("index")) for one in entries(box)][6:] == [BEGUN + 5 * HOUR, "events-0"]


def test_a_deleted_index_is_told_and_its_hours_are_forgotten(box: Box, spool: Spool) -> None:
    came(spool, NOW, 1)
    spool.note_deletions([Deleted(NOW, "age", NOW // DAY, "events-1", 1, 5000)])
    box.now += 3 * HOUR
    box.keeper.round()
    box.keeper.round()
    day = {"at": NOW, "reason": "age", "day": NOW // DAY, "index": "events-1", "events": 1, "bytes": 5000}
    assert entries(box) == [day]


@pytest.mark.nodes
def test_what_is_as_it_was_is_right(afar: Afar) -> None:
    afar.seal()
    found = afar.check()
    assert (found.faults, found.hours, found.in_cluster, found.loose) == ([], 2, 40, 0)
    assert "Sprawdzone godziny w klastrze: 2, zdarzenia w nich: 40." in told(found, "pl")
    assert afar.check(start=NOW + HOUR, end=NOW + 2 * HOUR).hours == 1
    assert afar.check(start=NOW + 5 * HOUR).hours == 0


def changed(http: httpx.Client, index: str) -> str:
    http.post(f"/{index}/_update/{5:032x}", json={"doc": {"host.name": "PC-2"}}).raise_for_status()
    return "zdarzenia inne niż te, które zaplombowano"


def removed(http: httpx.Client, index: str) -> str:
    http.delete(f"/{index}/_doc/{5:032x}").raise_for_status()
    return "w klastrze jest 19 zdarzeń, zaplombowano 20"


def put_in(http: httpx.Client, index: str) -> str:
    whole = http.get(f"/{index}/_doc/{5:032x}").json()["_source"]
    http.put(f"/{index}/_doc/{99:032x}", json={**whole, "event.id": f"{99:032x}"}).raise_for_status()
    return "w klastrze jest 21 zdarzeń, zaplombowano 20"


def index_gone(http: httpx.Client, index: str) -> str:
    http.delete(f"/{index}").raise_for_status()
    return "w klastrze jest 0 zdarzeń, zaplombowano 20"


@pytest.mark.nodes
@pytest.mark.parametrize("harm", [changed, removed, put_in, index_gone])
def test_harm_is_found_and_named(afar: Afar, http: httpx.Client, harm: Callable[[httpx.Client, str], str]) -> None:
    afar.seal()
    words = harm(http, afar.index)
    if harm is not index_gone:
        http.post(f"/{afar.index}/_refresh").raise_for_status()
    first, *rest = afar.faults()
    assert first.endswith(words)
    assert f"{afar.index}, godzina od 2024-10-04T10:00:00" in first
    assert len(rest) == (harm is index_gone)


@pytest.mark.nodes
def test_what_was_cut_off_counts_once_and_what_came_twice_too(afar: Afar, monkeypatch: pytest.MonkeyPatch) -> None:
    afar.put(50, 51)
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "done", lambda *_: _fail())
        with pytest.raises(JournalUnavailable):
            afar.store.flush()
    afar.put(3, 52, at=NOW + MINUTE)
    afar.store.flush()
    afar.seal()
    found = afar.check()
    assert (found.faults, found.in_cluster, found.loose) == ([], 43, 0)


def _fail() -> None:
    raise JournalUnavailable("cut off")


@pytest.mark.nodes
def test_an_event_that_the_index_took_only_repaired_is_sealed_as_it_is_there(afar: Afar, http: httpx.Client) -> None:
    body = index_body(1)
    own = {
        name: {"type": "long"} if name == "host.name" else one for name, one in body["mappings"]["properties"].items()
    }
    other = index_name(afar.settings.index, NOW - 2 * DAY, ORDINARY)
    http.put(f"/{other}", json={**body, "mappings": {**body["mappings"], "properties": own}}).raise_for_status()
    afar.put(60, at=NOW - 2 * DAY)
    afar.store.flush()
    afar.seal()
    assert afar.refused == []
    found = afar.check()
    assert (found.faults, found.hours, found.in_cluster) == ([], 3, 41)


@pytest.mark.nodes
def test_what_retention_deleted_is_no_fault_and_what_nobody_sealed_is_told(afar: Afar) -> None:
    afar.put(70, at=NOW - 5 * DAY)
    afar.store.flush()
    afar.seal()
    afar.put(71, at=NOW + 2 * HOUR + 59 * MINUTE)
    afar.store.flush()
    afar.store.retain(Keeping({"ordinary": 3}))
    assert afar.check().faults != []
    afar.box.keeper.round()
    found = afar.check()
    assert (found.faults, found.in_cluster, found.loose) == ([], 40, 1)
    assert [one["reason"] for one in entries(afar.box, "index_deletion")] == ["age"]


@pytest.mark.nodes
def test_each_class_of_an_hour_is_sealed_and_goes_by_itself(afar: Afar, http: httpx.Client) -> None:
    """Of an hour five days ago the ordinary events go; what stays is proved as it was."""
    at, logs = NOW - 5 * DAY, index_name(afar.settings.index, NOW - 5 * DAY, "accountability")
    afar.put(70, 71, at=at)
    afar.put(5000, at=at, **{"event.category": "iam"})
    afar.store.flush()
    afar.seal()
    before = afar.check()
    assert (before.faults, before.hours, before.in_cluster) == ([], 4, 43)
    assert afar.store.retain(Keeping({ORDINARY: 3, "accountability": 30})).events == 2
    (fault,) = afar.faults()
    assert index_name(afar.settings.index, at, ORDINARY) in fault
    afar.box.keeper.round()
    found = afar.check()
    assert (found.faults, found.hours, found.in_cluster, found.loose) == ([], 3, 41, 0)
    (gone,) = entries(afar.box, "index_deletion")
    assert (gone["index"], gone["reason"], gone["events"]) == (
        index_name(afar.settings.index, at, ORDINARY),
        "age",
        2,
    )
    http.delete(f"/{logs}/_doc/{5000:032x}?refresh=true").raise_for_status()
    (fault,) = afar.faults()
    assert f"{logs}, godzina od 2024-09-29T10:00:00" in fault


@pytest.mark.nodes
def test_a_cluster_that_is_away_is_no_fault(afar: Afar) -> None:
    afar.seal()
    away = afar.settings.model_copy(update={"hosts": ["http://127.0.0.1:9"], "ca_file": None})
    asked = Asked(events=True)
    with pytest.raises(StoreUnavailable):
        check(afar.box.home, afar.box.sessions, asked, lambda: WholeIndices(away))


@pytest.mark.nodes
def test_a_pack_of_an_alert_has_its_events_from_the_cluster(afar: Afar, http: httpx.Client, tmp_path: Path) -> None:
    events: list[Event] = [
        {"event.id": f"{n:032x}", "@timestamp": NOW, "event.ingested": NOW, "host.name": "PC-1"} for n in (3, 7, 77)
    ]
    alert = afar.box.alert(events)
    afar.seal()
    settings = afar.box.settings.model_copy(
        update={"store": StoreSettings(kind="elasticsearch", elasticsearch=afar.settings)}
    )
    keeper = replace(afar.box.keeper, settings=settings)
    path = tmp_path / "pack.zip"
    with path.open("wb") as out:
        made = export(keeper, Wanted(alert=alert), out)
    assert (made.events, made.missing, made.beside) == (2, 1, 0)
    with zipfile.ZipFile(path) as pack:
        lines = [json.loads(line) for line in pack.read("events.ndjson").splitlines()]
        assert lines == events[:2]
        checked = PackCheck(pack, afar.box.key, [])
        assert checked.run() == []
    assert "zdarzenia, które potwierdza łańcuch: 2" in checked.told
    changed = {"doc": {"host.name": "PC-2"}}
    http.post(f"/{afar.index}/_update/{7:032x}?refresh=true", json=changed).raise_for_status()
    with path.open("wb") as out, pytest.raises(PackFault, match=f"{7:032x} w klastrze jest inne"):
        export(keeper, Wanted(alert=alert), out)
    gone = afar.settings.model_copy(update={"hosts": ["https://127.0.0.1:9"]})
    away = keeper.settings.model_copy(update={"store": StoreSettings(kind="elasticsearch", elasticsearch=gone)})
    with path.open("wb") as out, pytest.raises(PackFault, match="Nie można odczytać zdarzeń z klastra"):
        export(replace(keeper, settings=away), Wanted(alert=alert), out)
