"""The page of the store: what it says of room, classes and runs, and its holds."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import pytest
from sqlalchemy import select

from appliance.clock import DAY, MINUTE
from appliance.state.models import Agent, Operation, Role
from appliance.store import DayUsage, StoreUnavailable, Usage
from appliance.store.classes import shipped
from appliance.store.model import Run
from appliance.web.context import Context
from appliance.web.pages.store import rows_of
from appliance.web.policy import Scope
from tests.appliance.web.conftest import Party, TestBox

FORM = {"reason": "sprawa DK.1431.7", "first": "2026-11-01", "last": "2026-11-03", "host": "PC-1"}


class Told:
    """A store that says of its size what the test wants."""

    def __init__(self, context: Context, usage: Usage) -> None:
        self._store, self._usage = context.store, usage

    def usage(self) -> Usage:
        return self._usage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def told(office: TestBox, usage: Usage) -> TestBox:
    """The box whose store says something else of itself."""
    return replace(office, context=replace(office.context, store=cast("Any", Told(office.context, usage))))


def text(box: TestBox, path: str = "/magazyn", who: Party | None = None) -> str:
    answer = box.ask("GET", path, who or box.person(Role.OPERATOR))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.text.replace("\u00a0", " ").replace("\u202f", " "))


def usage(context: Context, sizes: list[int], **told: int) -> Usage:
    today = context.now() // DAY
    days = [DayUsage(today - len(sizes) + n, "ordinary", 5, size) for n, size in enumerate(sizes)]
    days.append(DayUsage(today, "", 7, 7))
    return Usage(days, None, Run(context.now() - MINUTE, {"events": 3, "early": 0, "held": 0, "over": 0} | told))


def test_the_page_says_what_there_is_and_how_long_it_stays(office: TestBox) -> None:
    page = text(office)
    assert "Zwykłe zdarzenia" in page
    assert 'Rozliczalność<br><span class="meta">KRI § 20' in page
    assert page.count(">730<") == 2
    assert "Za mało danych, żeby przewidzieć" in page
    assert "Bez podziału na klasy" not in page
    assert page.count('data-l="Oryginały">nie<') == 2
    assert '<a class="end" href="/magazyn">' in text(office, "/zdrowie")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (1000, "Miejsca wystarczy. Przy obecnym napływie magazyn nie przekroczy"),
        (10**15, "miejsca wystarczy mniej więcej do"),
    ],
)
def test_the_outlook_is_told_from_the_last_days(office: TestBox, size: int, said: str) -> None:
    page = text(told(office, usage(office.context, [size] * 5)))
    assert said in page
    assert "Bez podziału na klasy" in page
    assert "usunięto 3 zdarzenia" in page


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({}, ""),
        ({"early": 5}, "Z braku miejsca Czujka usunęła przed czasem 5 zdarzeń."),
        ({"early": 5, "over": 2048}, "a nie ma już czego usunąć. Dołóż dysk."),
        ({"over": 2048, "held": 1}, "Blokada usuwania trzyma 1 zdarzenie."),
    ],
)
def test_what_the_disk_forces_is_said_loudly_on_both_pages(office: TestBox, numbers: dict[str, int], said: str) -> None:
    box = told(office, usage(office.context, [1] * 5, **numbers))
    for path in ("/magazyn", "/zdrowie"):
        page = text(box, path)
        found = re.findall(r'<p class="msgbar bad" role="alert"><span>(.*?)</span>', page)
        assert bool(found) == bool(said)
        assert said in page


def test_a_store_that_does_not_answer_leaves_the_holds(office: TestBox) -> None:
    class Silent(Told):
        def stats(self) -> None:
            raise StoreUnavailable("locked")

    silent = Silent(office.context, usage(office.context, [1]))
    page = text(replace(office, context=replace(office.context, store=cast("Any", silent))))
    assert "Wyszukiwanie w zdarzeniach teraz nie odpowiada" in page
    assert "Blokady usuwania" in page


def test_a_hold_is_set_seen_by_the_auditor_and_lifted(office: TestBox) -> None:
    who, auditor = office.person(Role.OPERATOR), office.person(Role.AUDITOR)
    assert office.ask("POST", "/magazyn/blokady", auditor, data=FORM).status_code == 403
    done = office.ask("POST", "/magazyn/blokady", who, data=FORM)
    assert done.headers["location"] == "/magazyn?ok=hold_set"
    page = text(office, who=auditor)
    assert "sprawa DK.1431.7" in page
    assert "01.11.2026, 00:00:00 – 04.11.2026, 00:00:00" in page
    assert "zdejmij" not in page
    (number,) = set(re.findall(r"/magazyn/blokady/(\d+)/zdejmij", text(office)))
    assert office.ask("POST", f"/magazyn/blokady/{number}/zdejmij", auditor).status_code == 403
    assert office.ask("POST", f"/magazyn/blokady/{number}/zdejmij", who).status_code == 303
    assert office.ask("POST", f"/magazyn/blokady/{number}/zdejmij", who).status_code == 409
    assert "nie obowiązuje" in text(office)
    with office.context.sessions() as session:
        query = select(Operation.action).where(Operation.action.startswith("hold.")).order_by(Operation.id)
        assert list(session.scalars(query)) == ["hold.set", "hold.lifted"]


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"first": "2026-13-01"}, 422, "Podaj początek i koniec zakresu"),
        ({"first": "2026-11-05"}, 422, "Podaj początek i koniec zakresu"),
        ({"alert": "x"}, 422, "Podaj początek i koniec zakresu"),
        ({"alert": "999999"}, 404, "Nie ma alertu o tym numerze"),
        ({"reason": " "}, 422, "Podaj powód"),
        ({"until": "2020-01-01"}, 422, "Ten termin już minął"),
        ({"last": "9999-12-31"}, 422, "Podaj początek i koniec zakresu"),
    ],
)
def test_what_is_no_hold_is_said_on_the_page(office: TestBox, change: dict[str, str], status: int, said: str) -> None:
    answer = office.ask("POST", "/magazyn/blokady", office.person(Role.ADMIN), data=FORM | change)
    assert answer.status_code == status
    assert said in answer.text.replace("\u00a0", " ")


def test_the_api_sets_lists_and_lifts_holds(office: TestBox) -> None:
    who = office.person(Role.ADMIN)
    made = office.post("/holds", who, {"reason": "x", "alert_id": office.alert})
    assert made.status_code == 201
    body = made.json()
    assert (body["alert_id"], body["in_force"], body["end"] > body["start"]) == (office.alert, True, True)
    listed = office.get("/holds", office.person(Role.AUDITOR)).json()["items"]
    assert listed[0] == body
    assert office.post(f"/holds/{body['id']}/lift", who).json()["in_force"] is False
    assert office.post(f"/holds/{body['id']}/lift", who).status_code == 409
    assert office.post("/holds", who, {"reason": "x" * 501, "start": 1, "end": 2}).status_code == 422
    assert office.post("/holds", who, {"reason": "x", "start": 2, "end": 2}).json()["code"] == "hold_range"


def test_the_page_says_whose_originals_are_kept(office: TestBox) -> None:
    settings = office.context.settings
    kept = settings.model_copy(update={"store": settings.store.model_copy(update={"originals": ["accountability"]})})
    page = text(replace(office, context=replace(office.context, settings=kept)))
    assert page.count('data-l="Oryginały">przechowywane<') == page.count('data-l="Oryginały">nie<') == 1


def test_the_page_of_a_cluster_says_nothing_of_this_machines_disk(office: TestBox) -> None:
    settings = office.context.settings
    store = settings.store.model_copy(update={"kind": "elasticsearch", "originals": ["ordinary"]})
    afar = settings.model_copy(update={"store": store})
    page = text(replace(office, context=replace(office.context, settings=afar)))
    assert "<code>./czujka store check</code>" in page
    assert not [one for one in ("Wolne na dysku", "Ostatnie scalenie plików", "Najwięcej") if one in page]
    assert "Wolne na dysku" in text(office)


def test_events_of_no_class_have_originals_by_their_class() -> None:
    usage = Usage([DayUsage(1, "", 5, 100)], None, None)
    for originals, wanted in ((["ordinary"], [True, None]), ([], [False, False])):
        rows = rows_of(usage, {"ordinary": 30}, shipped(), "pl", "mixed", originals)
        assert [row.originals for row in rows[-2:]] == wanted


def test_events_of_a_class_that_is_gone_from_the_file_have_a_row() -> None:
    usage = Usage([DayUsage(1, "old_class", 5, 100), DayUsage(2, "old_class", 1, 10)], None, None)
    rows = rows_of(usage, {"ordinary": 30}, shipped(), "pl", "mixed", [])
    (gone,) = (row for row in rows if row.name == "old_class")
    assert (gone.events, gone.bytes, gone.days) == (6, 110, 30)
    assert [row.name for row in rows].count("mixed") == 0


def test_damaged_files_are_named_wherever_events_are_shown(office: TestBox) -> None:
    operator, reader = office.person(Role.OPERATOR), office.token(Scope.EVENTS_READ)
    assert "Uszkodz" not in text(office)
    answer = office.ask("GET", "/api/v1/events?limit=1", reader).json()
    assert answer["missing"] is None
    at = answer["items"][0]["@timestamp"]
    folder = office.context.home.store
    for file in folder.glob("*.parquet"):
        file.write_bytes(b"PAR1")
    for path in ("/zdarzenia?okres=all", "/zdarzenia?okres=all&q=x"):
        page = office.ask("GET", path, operator)
        assert page.status_code == 200
        assert "magazynu." in page.text
        assert "Brakuje" in page.text
    with office.context.sessions() as session:
        station = session.scalars(select(Agent.id)).first()
    for path in ("/magazyn", "/zdrowie", "/", f"/stacje/{station}"):
        assert "Brakuje" in text(office, path)
    (name,) = [file.name for file in (folder / "damaged").iterdir()]
    assert name in text(office)
    assert "Treść pliku jest inna, niż zapisano." in text(office)
    body = {"since": at - DAY, "until": at + DAY}
    hunt = office.ask("POST", "/api/v1/hunts", operator, json=body).json()["id"]
    assert "Brakuje" in text(office, f"/poszukiwania/{hunt}")
    missing = office.ask("GET", "/api/v1/events", reader).json()["missing"]
    assert missing["segments"] == 1
    assert missing["start"] <= at <= missing["end"]
    for asked in ("?", "/groups?by=host.name&", "/count?", "/histogram?", "/top?field=host.name&"):
        question = f"/api/v1/events{asked}from={missing['start']}&to="
        assert office.ask("GET", f"{question}{at + DAY}", reader).json()["missing"] == missing, asked
        later = f"/api/v1/events{asked}from={missing['end'] + 1}&to={missing['end'] + DAY}"
        assert office.ask("GET", later, reader).json()["missing"] is None, asked
    assert office.ask("GET", "/api/v1/events/count", reader).json() == {"count": 0, "missing": missing}
    assert office.ask("GET", "/api/v1/status", operator).json()["missing"] == missing
    exporter = office.person(Role.ADMIN)
    told = office.ask("GET", "/api/v1/events/export", exporter).headers["X-Events-Missing"].split()
    assert list(map(int, told)) == list(missing.values())
