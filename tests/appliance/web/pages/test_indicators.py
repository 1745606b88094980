"""The page of indicators and their part of an alert's page: in, found, removed, refused; and where a value is from."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select, update

import rules
from agent.wire.event import event_id
from appliance.alerts.grouping import Hit, apply
from appliance.clock import DAY, MINUTE
from appliance.detect import Engine, Event, RuleSet, load_rules
from appliance.indicators import book
from appliance.rulesets.lists import joined
from appliance.settings import HuntSettings
from appliance.state.database import writing
from appliance.state.indicators import Indicator
from appliance.state.models import Operation, Role
from appliance.web.context import Context
from appliance.web.pages.render import catalogue
from tests.appliance.web.conftest import Party, TestBox, app_over
from tests.appliance.web.pages import sample

BAD = "zly.example.com"
NASTY = "<script>alert(1)</script>"
DOMAIN_ASKED = "fdc8bdf5-fae1-5d2c-982a-058f34b40fcc"
SOURCE = {"source": "CSIRT NASK"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBox]:
    """A box whose rules are those of indicators, with the lists as they are."""
    made = sample.make_context(tmp_path_factory.mktemp("office") / "home", RuleSet([], []))
    context = replace(made, rules=lambda: in_force(made))
    yield TestBox(app_over(context), context, DOMAIN_ASKED, 0)
    for part in (made.store, made.journal, made.dead_letters):
        part.close()
    made.sessions.kw["bind"].dispose()


def in_force(context: Context) -> RuleSet:
    with context.sessions() as session:
        lists = joined({}, book.lists(session, context.now()))
    return load_rules([rules.ROOT / "sigma" / "indicators"], lists=lists)


@pytest.fixture
def box(whole: TestBox) -> TestBox:
    with writing(whole.context.sessions) as session:
        session.execute(delete(Indicator))
    return replace(whole, app=app_over(whole.context))


@pytest.fixture
def operator(box: TestBox) -> Party:
    return box.person(Role.OPERATOR)


def send(box: TestBox, who: Party, form: dict[str, Any], files: list[Any] | None = None) -> httpx.Response:
    """Send the form as a browser does: in parts, with an empty file where none is chosen."""
    parts = files if files is not None else [("files", ("", b"", "application/octet-stream"))]
    return box.ask("POST", "/wskazniki", who, data=SOURCE | {"days": "90"} | form, files=parts)


def plain(answer: httpx.Response) -> str:
    """What a page says, without marks and with ordinary spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).replace("\xa0", " ").split())


def found(box: TestBox, who: Party, query: str) -> str:
    return plain(box.ask("GET", f"/wskazniki?{query}", who))


def test_an_empty_page_says_what_to_do_next(box: TestBox, operator: Party) -> None:
    told = found(box, operator, "")
    assert "Nie wczytano jeszcze żadnej listy. Wklej listę z pisma CSIRT" in told
    assert "nslookup proba.czujka.test" in told
    read = box.ask("GET", "/wskazniki", box.person(Role.AUDITOR))
    assert "<textarea" not in read.text
    assert "Wczyta ją osoba, która obsługuje alerty." in plain(read)


def test_a_pasted_list_is_taken_and_the_past_is_hunted(box: TestBox, operator: Party) -> None:
    answer = send(box, operator, {"pasted": f"hxxp://zly[.]example[.]com\r\n8.8.4.4\r\n{BAD}\r\n", "comment": "x"})
    assert answer.status_code == 201
    told = plain(answer)
    assert "Źródło: CSIRT NASK. Nowe: 2 (adres IP: 1, domena: 1)" in told
    assert "Znane już wcześniej: 0. Odrzucone: 0." in told
    assert "a sama przegląda też ostatnie 30 dni. Zobacz poszukiwania" in told
    assert 'href="/poszukiwania"' in answer.text
    again = plain(send(box, operator, {"pasted": BAD}))
    assert "Nowe: 0. Znane już wcześniej: 1." in again
    assert "Nic nowego nie przyszło" in again
    with box.context.sessions() as session:
        (row,) = session.scalars(select(Indicator).where(Indicator.value == BAD))
        assert (row.comment, row.expires_at is not None and row.expires_at - row.added_at > 89 * DAY) == ("", True)
        done = session.scalars(select(Operation).where(Operation.action == "indicators.imported")).all()
    assert {(one.who, one.target) for one in done} == {("operator", "CSIRT NASK")}


def test_a_box_that_hunts_nothing_by_itself_says_so(box: TestBox, operator: Party) -> None:
    quiet = box.context.settings.model_copy(update={"hunts": HuntSettings(days=0)})
    still = replace(box, context=replace(box.context, settings=quiet))
    assert "Historii sama nie przegląda, bo tak ustawiono." in plain(send(still, operator, {"pasted": BAD}))


def test_files_are_taken_with_what_is_pasted_and_each_fault_has_its_file_and_line(
    box: TestBox, operator: Party
) -> None:
    files = [
        ("files", ("lista.csv", b"domena;opis\nzly.example.com;x\npl;y\n", "text/csv")),
        ("files", ("lista.txt", f"# x\n10.0.0.1\n{NASTY}\n8.8.4.4\n".encode(), "text/plain")),
    ]
    answer = send(box, operator, {"pasted": "gov.pl\n\nzly.example.net"}, files)
    assert answer.status_code == 201
    assert NASTY not in answer.text
    told = plain(answer)
    assert "Nowe: 3" in told
    assert "Odrzucone: 4." in told
    assert "Resztę listy wczytano." in told
    for place in ("wklejona lista:1", "lista.csv:3", "lista.txt:2", "lista.txt:3"):
        assert place in told
    assert "„10.0.0.1”: adres jest prywatny" in told


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"pasted": "10.0.0.1\n\npl\n"}, 422, "Niczego nie wczytano. Popraw wskazane wiersze"),
        ({"pasted": '{"Event": {\n "Attribute": [}'}, 422, "wklejona lista:2 to nie jest poprawny JSON"),
        ({"pasted": " "}, 422, "Wklej listę albo wybierz plik."),
        ({"pasted": "# nic\n"}, 422, "Wklej listę albo wybierz plik."),
        ({"pasted": BAD, "source": "  "}, 422, "Podaj nazwę źródła, od 1 do 120 znaków."),
        ({"pasted": BAD, "source": "x" * 121}, 422, "Podaj nazwę źródła"),
        ({"pasted": BAD, "days": "0"}, 422, "Podaj liczbę dni od 1 do 3650"),
        ({"pasted": BAD, "days": "dużo"}, 422, "Podaj liczbę dni"),
    ],
)
def test_what_is_refused_is_explained_and_stands_in_the_form_again(
    box: TestBox, operator: Party, form: dict[str, str], status: int, said: str
) -> None:
    answer = send(box, operator, form)
    assert answer.status_code == status
    assert said in plain(answer)
    assert 'role="alert"' in answer.text or 'aria-invalid="true"' in answer.text
    assert html.escape(form["pasted"].strip(), quote=False) in html.unescape(answer.text)
    with box.context.sessions() as session:
        assert session.scalars(select(Indicator)).all() == []


def test_more_than_may_be_kept_are_refused(box: TestBox, operator: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST", 1)
    answer = send(box, operator, {"pasted": "a.example.com\nb.example.com"})
    assert answer.status_code == 409
    assert "Wskaźników może być 1, a obowiązuje już 0." in plain(answer)


def test_a_file_larger_than_other_forms_is_taken(box: TestBox, operator: Party) -> None:
    content = b"# " + b"x" * (3 << 20) + b"\nzly.example.com\n"
    assert send(box, operator, {}, [("files", ("a.txt", content, "text/plain"))]).status_code == 201
    assert send(box, operator, {"pasted": "# " + "x" * (2 << 20) + "\nzly.example.com\n"}).status_code == 201


def test_sources_and_values_are_listed_and_found(box: TestBox, operator: Party) -> None:
    send(box, operator, {"pasted": f"{BAD}\nhxxp://strona.example.com/Faktura.ZIP", "comment": "pismo 12"})
    send(box, operator, {"pasted": BAD, "source": "CERT & Polska", "days": ""})
    with writing(box.context.sessions) as session:
        session.execute(update(Indicator).where(Indicator.kind == "url").values(expires_at=box.context.now() - MINUTE))
    told = found(box, operator, "")
    assert "CERT & Polska domena 1 0" in told
    assert "CSIRT NASK adres strony 0 1" in told
    assert "zly.example.com" not in told
    for query in ("wartosc=ZLY", "wartosc=hxxp://zly[.]example[.]com", f"wartosc={BAD}&dokladnie=tak"):
        assert found(box, operator, query).count(f"{BAD} domena") == 2
    assert "Żadna lista nie ma takiego wskaźnika." in found(box, operator, "wartosc=zly&dokladnie=tak")
    of_one = found(box, operator, "zrodlo=CERT+%26+Polska")
    assert (of_one.count(f"{BAD} domena"), "bezterminowo" in of_one) == (1, True)
    page = found(box, operator, "wartosc=faktura")
    assert "strona.example.com/Faktura.ZIP adres strony CSIRT NASK pismo 12" in page
    assert "wygasł" in page
    assert "/usun" not in box.ask("GET", "/wskazniki?wartosc=zly", box.person(Role.AUDITOR)).text


def test_long_lists_have_pages(box: TestBox, operator: Party) -> None:
    send(box, operator, {"pasted": "\n".join(f"z{n:03}.example.com" for n in range(60))})
    text = box.ask("GET", "/wskazniki?wartosc=example", operator).text
    older = re.search(r'href="(/wskazniki\?wartosc=example&amp;po=[^"]+)"', text)
    assert older is not None
    rest = box.ask("GET", html.unescape(older[1]), operator).text
    assert (text.count("rowlink mono"), rest.count("rowlink mono")) == (50, 10)
    assert box.ask("GET", "/wskazniki?wartosc=example&po=zepsute", operator).text.count("rowlink mono") == 50


def test_a_value_and_a_source_are_removed_and_the_log_says_by_whom(box: TestBox, operator: Party) -> None:
    send(box, operator, {"pasted": f"{BAD}\n8.8.4.4\nzly.example.net"})
    back = f"/wskazniki?wartosc={BAD}"
    gone = box.ask("POST", "/wskazniki/usun", operator, data=SOURCE | {"value": BAD, "back": back})
    assert (gone.status_code, gone.headers["location"]) == (303, f"{back}&ok=indicator_removed")
    again = box.ask("POST", "/wskazniki/usun", operator, data=SOURCE | {"value": BAD, "back": "//zly.example.com"})
    assert again.status_code == 404
    assert "Nie ma takich wskaźników." in plain(again)
    all_of_it = box.ask("POST", "/wskazniki/usun", operator, data=SOURCE | {"back": "//zly.example.com"})
    assert all_of_it.headers["location"] == "/wskazniki?ok=source_removed"
    with box.context.sessions() as session:
        rows = session.scalars(
            select(Operation).where(Operation.action == "indicators.removed").order_by(Operation.id.desc()).limit(2)
        ).all()
    assert [(one.who, one.target, one.detail) for one in rows] == [
        ("operator", "CSIRT NASK", {"count": 2, "values": []}),
        ("operator", "CSIRT NASK", {"count": 1, "values": [BAD]}),
    ]


def test_who_only_reads_changes_nothing(box: TestBox) -> None:
    auditor = box.person(Role.AUDITOR)
    assert send(box, auditor, {"pasted": BAD}).status_code == 403
    assert box.ask("POST", "/wskazniki/usun", auditor, data=SOURCE).status_code == 403
    assert box.ask("GET", "/wskazniki", auditor).status_code == 200


def raised(box: TestBox, *names: str) -> int:
    """Let the box find names asked for; return the alert's number."""
    engine, moment = Engine(box.context.rules()), box.context.now()
    hits = []
    for number, name in enumerate(names):
        event: Event = {
            "event.id": event_id(f"{moment}", number), "@timestamp": moment, "event.ingested": moment,
            "host.name": f"pc-{moment}", "event.module": "network", "event.category": "dns", "dns.question.name": name,
        }  # fmt: skip
        hits += [Hit(rule, dict(event)) for rule in engine.match(event)]
    assert len(hits) == len(names)
    with writing(box.context.sessions) as session:
        return apply(session, hits, moment, box.context.settings)[0]


def test_an_alert_says_where_its_indicator_is_from(box: TestBox, operator: Party) -> None:
    send(box, operator, {"pasted": BAD, "comment": "pismo 12/2026"})
    send(box, operator, {"pasted": BAD, "source": "CERT", "days": ""})
    number = raised(box, f"www.{BAD}")
    answer = box.ask("GET", f"/alerty/{number}", box.person(Role.AUDITOR))
    told = plain(answer)
    assert "Skąd jest wskaźnik" in told
    assert re.search(rf"{BAD} domena CSIRT NASK pismo 12/2026 \d\d\.\d\d\.\d{{4}}", told)
    assert re.search(rf"{BAD} domena CERT – [^a-z]+ bezterminowo", told)
    assert f'href="/wskazniki?wartosc={BAD}&amp;dokladnie=tak"' in answer.text
    assert "/wskazniki/usun" not in answer.text
    api = box.get(f"/alerts/{number}/indicators", operator).json()
    assert ([one["source"] for one in api["items"]], api["gone"]) == (["CERT", "CSIRT NASK"], [])


def test_an_alert_says_that_its_indicator_is_no_longer_kept(box: TestBox, operator: Party) -> None:
    send(box, operator, {"pasted": f"{BAD}\nzly.example.net"})
    number = raised(box, f"www.{BAD}", "zly.example.net")
    with writing(box.context.sessions) as session:
        session.execute(update(Indicator).where(Indicator.value == BAD).values(expires_at=box.context.now() - MINUTE))
    assert "wygasł" in plain(box.ask("GET", f"/alerty/{number}", operator))
    box.ask("POST", "/wskazniki/usun", operator, data=SOURCE | {"value": BAD})
    told = plain(box.ask("GET", f"/alerty/{number}", operator))
    assert "zly.example.net domena CSIRT NASK" in told
    assert f"Tego nie ma teraz wśród wskaźników: www.{BAD} ." in told
    assert box.get(f"/alerts/{number}/indicators", operator).json()["gone"] == [f"www.{BAD}"]


def test_other_alerts_say_nothing_of_indicators(office: TestBox) -> None:
    who = office.person(Role.AUDITOR)
    assert catalogue().text("indicators.from", "pl") not in plain(office.ask("GET", f"/alerty/{office.alert}", who))
    assert office.get(f"/alerts/{office.alert}/indicators", who).json() == {"items": [], "gone": []}
    assert office.get("/alerts/99999/indicators", who).status_code == 404
