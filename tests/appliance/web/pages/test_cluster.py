"""A console whose events are in a cluster that is away: every page answers, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.clock import HOUR, SECOND, now
from appliance.language import dates
from appliance.normalise import Event
from appliance.ops.health import Health
from appliance.settings import ElasticSettings, StoreSettings
from appliance.state.models import Role
from appliance.store import StoreUnavailable
from appliance.store.elastic.finding import Finding, Watched, Weight
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.watching import watch
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import encode
from appliance.web.pages import health
from tests.appliance.web.conftest import TestBox, app_over
from tests.appliance.web.pages.test_pages import PAGES

AWAY = ElasticSettings(hosts=["http://127.0.0.1:9"], timeout_seconds=1)


@pytest.fixture(scope="module")
def afar(office: TestBox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBox]:
    """The filled box, with three events that wait for a cluster since an hour."""
    spool: Path = tmp_path_factory.mktemp("spool") / "spool.db"
    began = now() - HOUR
    writer = ElasticStore(AWAY, spool, lambda *_: None, lambda: began, background=False)
    events: list[Event] = [{"event.id": f"{n:032x}", "@timestamp": began + n * SECOND} for n in range(3)]
    writer.append(encode(events), [], 1)
    with pytest.raises(StoreUnavailable):
        writer.ship()
    writer.close()
    store = ElasticReader(AWAY, spool)
    settings = office.context.settings.model_copy(
        update={"store": StoreSettings(kind="elasticsearch", elasticsearch=AWAY)}
    )
    context = replace(office.context, store=store, settings=settings)
    yield replace(office, app=app_over(context), context=context)
    store.close()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_falls_with_the_cluster(afar: TestBox, path: str) -> None:
    answer = afar.ask("GET", path, afar.person(Role.ADMIN))
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


def test_health_tells_what_waits_and_why(afar: TestBox) -> None:
    text = afar.ask("GET", "/zdrowie", afar.person(Role.ADMIN)).text
    assert "Zdarzenia, które czekają na klaster" in text
    assert "Nie ma połączenia z klastrem" in text


def test_health_does_not_call_a_box_well_whose_cluster_is_away(afar: TestBox, monkeypatch: pytest.MonkeyPatch) -> None:
    # No role runs here; on a box they all would.
    monkeypatch.setattr(health, "health", lambda _: Health(True, (), ()))
    text = afar.ask("GET", "/zdrowie", afar.person(Role.ADMIN)).text.replace("\u00a0", " ")
    assert "Czujka działa, ale klaster ze zdarzeniami nie." in text
    assert "Wszystkie części Czujki działają" not in text


def test_evidence_says_that_events_are_elsewhere(afar: TestBox) -> None:
    text = afar.ask("GET", "/dowody", afar.person(Role.ADMIN)).text.replace("\u00a0", " ")
    assert "Zdarzenia są w klastrze. Plomba obejmuje sumę zdarzeń z każdej godziny" in text
    assert "pełnymi godzinami odbioru" in text


def test_the_box_is_well_but_its_status_is_not(afar: TestBox) -> None:
    admin = afar.person(Role.ADMIN)
    assert "store" not in afar.get("/health", admin).json().get("faults", [])
    status = afar.get("/status", admin).json()
    assert (status["ok"], status["store"]) == (False, None)
    assert status["waiting"]["events"] == 3
    assert status["waiting"]["lasts_us"] > HOUR


def page(afar: TestBox, path: str) -> str:
    return afar.ask("GET", path, afar.person(Role.ADMIN)).text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.fixture
def checked(afar: TestBox) -> Iterator[TestBox]:
    """The box, whose job has just asked the cluster that is away."""
    watch(afar.context.settings.store, afar.context.home.cluster, afar.context.now() - HOUR)
    yield afar
    afar.context.home.cluster.unlink()


@pytest.mark.parametrize("path", ["/zdrowie", "/magazyn"])
def test_a_cluster_that_is_away_is_said_once_with_since_when(checked: TestBox, path: str) -> None:
    text = page(checked, path)
    assert text.count("Nie ma połączenia z klastrem") == 1
    assert "Czujka nie może pracować z klastrem." in text
    assert "Zdarzenia czekają na dysku Czujki." in text
    assert dates.moment(checked.context.now() - HOUR, "pl")[:-6].replace("\u00a0", " ") in text


def test_the_start_page_warns_of_a_cluster_that_is_away_and_of_a_watermark(checked: TestBox) -> None:
    assert "nie odpowiada od 1 godz." in page(checked, "/")
    near = Finding(Weight.WARN, "disk_near", {"node": "a", "free": 5, "total": 100, "left": 1, "watermark": "90%"})
    for findings, said in (((near,), "kończy się miejsce"), ((Finding(Weight.WARN, "yellow"),), "pracuje")):
        Watched(checked.context.now(), None, findings).save(checked.context.home.cluster)
        assert said in page(checked, "/")
    Watched(checked.context.now(), None, (near, Finding(Weight.BAD, "red"))).save(checked.context.home.cluster)
    assert "wymaga naprawy" in page(checked, "/")
    text = page(checked, "/magazyn")
    assert text.index("stan czerwony") < text.index("Do progu 90% zostało 1 B")
    assert "Dodaj miejsca w klastrze albo skróć" in text


def test_a_box_without_a_cluster_says_nothing_of_one(checked: TestBox, office: TestBox) -> None:
    assert "Klaster ze zdarzeniami" not in page(office, "/zdrowie")
    assert "Klaster ze zdarzeniami" in page(checked, "/zdrowie")
