"""Events in a cluster: each hour's sum is sealed, and whatever is done to them there is found and named."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.clock import DAY, HOUR, MINUTE
from appliance.evidence.check import Asked, Found, check, told
from appliance.evidence.hours import GRACE
from appliance.evidence.keeper import Keeper
from appliance.evidence.ledger import Ledger
from appliance.evidence.pack import Made, PackFault, TooMany, Wanted, export
from appliance.evidence.verify import PackCheck, canonical
from appliance.journal import JournalUnavailable
from appliance.normalise.model import Event
from appliance.settings import ElasticSettings, StoreSettings
from appliance.store import Keeping, StoreUnavailable
from appliance.store.elastic.mapping import index_body, index_name
from appliance.store.elastic.spool import Deleted, Spool
from appliance.store.elastic.sums import summed
from appliance.store.elastic.whole import WholeIndices
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import encode
from tests.appliance.evidence.conftest import NOW, Box
from tests.appliance.store.elastic.conftest import FIRST
from tests.nodes.clusters import settings_for
from tests.nodes.node import Node

_numbers = count()
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


def test_a_deleted_index_is_told_and_its_hours_are_forgotten(box: Box, spool: Spool) -> None:
    came(spool, NOW, 1)
    spool.note_deletions([Deleted(NOW, "age", NOW // DAY, "events-1", 1, 5000)])
    box.now += 3 * HOUR
    box.keeper.round()
    box.keeper.round()
    day = {"at": NOW, "reason": "age", "day": NOW // DAY, "index": "events-1", "events": 1, "bytes": 5000}
    assert entries(box) == [day]


@pytest.fixture
def node(nodes: dict[str, Node]) -> Node:
    found = nodes[FIRST]
    found.ready()
    return found


class Afar:
    """A box whose events are in a cluster: forty of two hours, sealed."""

    def __init__(self, box: Box, node: Node, name: str) -> None:
        self.box, self.settings = box, settings_for(node, name)
        self.refused: list[object] = []
        self.store = ElasticStore(
            self.settings, box.home.spool, lambda *one: self.refused.append(one), lambda: box.now, background=False
        )
        self.index = index_name(self.settings.index, NOW)

    def put(self, *numbers: int, at: int = NOW, **fields: int | str) -> None:
        events: list[Event] = [
            {"event.id": f"{n:032x}", "@timestamp": at, "event.ingested": at, "host.name": "PC-1", **fields}
            for n in numbers
        ]
        self.store.append(encode(events), [], 0)

    def seal(self) -> None:
        self.box.now = NOW + 3 * HOUR
        self.box.keeper.round()

    def check(self, **asked: int) -> Found:
        whole = Asked(events=True, **asked)  # type: ignore[arg-type]
        return check(self.box.home, self.box.sessions, whole, lambda: WholeIndices(self.settings))

    def faults(self) -> list[str]:
        return [str(fault) for fault in self.check().faults]


@pytest.fixture
def afar(box: Box, node: Node) -> Iterator[Afar]:
    made = Afar(box, node, f"seal-{next(_numbers)}")
    made.put(*range(20))
    made.put(*range(20, 40), at=NOW + HOUR)
    made.store.flush()
    yield made
    made.store.close()


@pytest.fixture
def http(node: Node) -> Iterator[httpx.Client]:
    with node.http() as client:
        yield client


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
    other = index_name(afar.settings.index, NOW - 2 * DAY)
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


def over(afar: Afar, settings: ElasticSettings | None = None) -> Keeper:
    """The keeper of a box whose events are in the cluster alone."""
    store = StoreSettings(kind="elasticsearch", elasticsearch=settings or afar.settings)
    return replace(afar.box.keeper, settings=afar.box.settings.model_copy(update={"store": store}))


def packed(afar: Afar, wanted: Wanted, path: Path) -> Made:
    with path.open("wb") as out:
        return export(over(afar), wanted, out)


def bare(path: Path, key: str) -> tuple[int, str]:
    """What the pack's own verifier says in an interpreter that has nothing of ours."""
    with zipfile.ZipFile(path) as pack:
        (path.parent / "verify.py").write_bytes(pack.read("verify.py"))
    command = [sys.executable, "-I", "-S", "verify.py", str(path), "--key", key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.nodes
def test_a_pack_of_a_time_has_whole_hours_that_a_bare_verifier_proves(afar: Afar, tmp_path: Path) -> None:
    """Of three hours the first two are sealed; the events of the second are just outside the time but for one."""
    afar.put(50, at=NOW + 2 * HOUR + 50 * MINUTE)
    afar.put(51, 52, at=NOW + 3 * HOUR)
    afar.put(60, at=NOW + HOUR, user="anna")
    afar.store.flush()
    afar.seal()
    path = tmp_path / "pack.zip"
    made = packed(afar, Wanted(NOW - MINUTE, NOW + HOUR + 1), path)
    assert (made.events, made.all_events, [(one.events, one.wanted) for one in made.afar]) == (
        0,
        41,
        [(20, 20), (21, 21)],
    )
    late = packed(afar, Wanted(NOW + 2 * HOUR, NOW + 4 * HOUR), path)
    assert [(one.sealed is None, one.events) for one in late.afar] == [(True, 1), (True, 2)]
    both = packed(afar, Wanted(NOW + 1, NOW + 3 * HOUR), path)
    assert [(one.sealed is None, one.events) for one in both.afar] == [(False, 21), (True, 1)]
    code, told = bare(path, afar.box.key)
    assert code == 0, told
    assert "zdarzenia z klastra, które potwierdza łańcuch: 21, pełne godziny: 1\n" in told
    assert "zdarzenia z klastra z godzin bez plomby, tylko pod podpisem paczki: 1\n" in told
    with zipfile.ZipFile(path) as pack:
        lines = pack.read("cluster.ndjson").splitlines()
        assert [json.loads(line)["event.id"][-2:] for line in lines][-2:] == [f"{60:02x}", f"{50:02x}"]
        page = pack.read("index.html").decode().replace("\u00a0", " ")
        assert "bez plomby" in page
        assert afar.index in page


@pytest.mark.nodes
def test_an_hour_with_one_wanted_event_comes_whole(afar: Afar, tmp_path: Path) -> None:
    old: Event = {"event.id": f"{80:032x}", "@timestamp": NOW - 5 * DAY, "event.ingested": NOW, "host.name": "PC-1"}
    afar.store.append(encode([old]), [], 0)
    afar.store.flush()
    afar.seal()
    made = packed(afar, Wanted(NOW - 6 * DAY, NOW - 4 * DAY), tmp_path / "pack.zip")
    assert [(one.events, one.wanted) for one in made.afar] == [(21, 1)]
    assert made.all_events == 1
    assert bare(tmp_path / "pack.zip", afar.box.key)[0] == 0
    with pytest.raises(TooMany):
        packed(afar, Wanted(NOW - 6 * DAY, NOW - 4 * DAY, most=20), tmp_path / "none.zip")


@pytest.mark.nodes
@pytest.mark.parametrize("harm", [changed, removed, put_in])
def test_an_hour_that_is_not_as_sealed_is_no_evidence(
    afar: Afar, http: httpx.Client, harm: Callable[[httpx.Client, str], str], tmp_path: Path
) -> None:
    afar.seal()
    harm(http, afar.index)
    http.post(f"/{afar.index}/_refresh").raise_for_status()
    with pytest.raises(PackFault, match=f"{afar.index}, godzina od 2024-10-04T10:00:00.* inne niż zaplombowane"):
        packed(afar, Wanted(NOW, NOW + HOUR), tmp_path / "pack.zip")


@pytest.mark.nodes
def test_events_that_an_index_took_only_repaired_are_in_their_hours_too(
    afar: Afar, http: httpx.Client, tmp_path: Path
) -> None:
    body = index_body(1)
    body["mappings"] = {
        "dynamic": "strict",
        "properties": {
            name: one
            for name, one in body["mappings"]["properties"].items()
            if name.startswith(("czujka.store.", "@timestamp", "event.id"))
        },
    }
    at = NOW - 2 * DAY
    http.put(f"/{index_name(afar.settings.index, at)}", json=body).raise_for_status()
    afar.put(60, 61, at=at)
    afar.put(62, at=at + HOUR)
    afar.store.flush()
    afar.seal()
    made = packed(afar, Wanted(at, at + 1), tmp_path / "pack.zip")
    assert [(one.events, one.wanted) for one in made.afar] == [(2, 2)]
    assert bare(tmp_path / "pack.zip", afar.box.key)[0] == 0


@pytest.mark.nodes
def test_a_pack_of_a_time_over_a_cluster_that_is_away_is_none(afar: Afar, tmp_path: Path) -> None:
    away = afar.settings.model_copy(update={"hosts": ["https://127.0.0.1:9"]})
    with (tmp_path / "pack.zip").open("wb") as out, pytest.raises(PackFault, match="Nie można odczytać"):
        export(over(afar, away), Wanted(NOW, NOW + HOUR), out)


def first_line(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def made(content: bytes) -> bytes:
        line, _, rest = content.partition(b"\n")
        told = json.loads(line)
        change(told)
        return canonical(told) + b"\n" + rest

    return made


TAMPERED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "an event that was changed": ("cluster.ndjson", lambda text: text.replace(b"PC-1", b"PC-2", 1), "godzina 2"),
    "one less": ("cluster.ndjson", lambda text: text.partition(b"\n")[2], "inne niż te, które zaplombowano"),
    "one more": ("cluster.ndjson", lambda text: text + text.partition(b"\n")[0] + b"\n", "a paczka ma mieć 20"),
    "no JSON": ("cluster.ndjson", lambda text: b"{" + text, "nie da się odczytać"),
    "an hour of another seal": ("hours.ndjson", first_line(lambda one: one.update(entry=1)), "zaplombowano"),
    "an hour that is said to have none": ("hours.ndjson", first_line(lambda one: one.update(entry=None)), "skrót"),
    "an hour of no year": ("hours.ndjson", first_line(lambda one: one.update(hour=1 << 90)), "zaplombowano"),
    "an hour that is none": ("hours.ndjson", first_line(lambda one: one.update(hour="x")), "nie da się odczytać"),
    "no count": ("hours.ndjson", first_line(lambda one: one.update(events="20")), "nie da się odczytać"),
}


@pytest.mark.nodes
def test_each_kind_of_tampering_with_hours_is_named(afar: Afar, tmp_path: Path) -> None:
    afar.seal()
    path = tmp_path / "pack.zip"
    packed(afar, Wanted(NOW, NOW + 1), path)
    with zipfile.ZipFile(path) as pack:
        files = {name: pack.read(name) for name in pack.namelist()}
    for kind, (name, change, words) in TAMPERED.items():
        other = tmp_path / "other.zip"
        with zipfile.ZipFile(other, "w") as pack:
            for one, content in files.items():
                pack.writestr(one, change(content) if one == name else content)
        with zipfile.ZipFile(other) as pack:
            faults = [str(fault) for fault in PackCheck(pack, afar.box.key, []).run()]
        assert any(name in fault and "skrót" in fault for fault in faults), kind
        assert any(words.partition(" 2")[0] in fault for fault in faults), (kind, faults)
