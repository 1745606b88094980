"""A list of indicators in a real browser: uploaded, found by a rule, told on the alert's page, removed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from agent.wire.event import event_id
from appliance.alerts.grouping import Hit, apply
from appliance.clock import now
from appliance.detect import Engine, Event
from appliance.roles.content import fresh
from appliance.state.database import writing
from appliance.web.context import Context
from tests.appliance.web.pages import sample
from tests.e2e.pages.tabs import check

pytestmark = pytest.mark.browser
BAD = "zly.example.com"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A box without indicators whose rules follow its lists."""
    made = sample.make_context(tmp_path_factory.mktemp("office") / "home", sample.linux_rules())
    with writing(made.sessions) as session:
        sample.people(session, now())
    return replace(made, rules=fresh(made.home, made.settings, made.sessions))


def asked_for(context: Context, name: str) -> int:
    """Let a computer ask for a name; return the number of the alert."""
    moment = now()
    event: Event = {
        "event.id": event_id("dns", moment), "@timestamp": moment, "event.ingested": moment, "host.name": "pc-usc-03",
        "event.module": "network", "event.category": "dns", "dns.question.name": name,
    }  # fmt: skip
    (rule,) = Engine(context.rules()).match(event)
    with writing(context.sessions) as session:
        return apply(session, [Hit(rule, dict(event))], moment, context.settings)[0]


def test_an_uploaded_list_raises_an_alert_that_names_its_source(page: Page, context: Context, tmp_path: Path) -> None:
    file = tmp_path / "lista.csv"
    file.write_text("domena;opis\nhxxp://zly[.]example[.]com;pismo 12/2026\n10.0.0.1;drukarka\n", "utf-8")
    page.goto("/reguly")
    page.get_by_role("link", name="Wskaźniki", exact=True).click()
    page.get_by_text("Nie wczytano jeszcze żadnej listy.").wait_for()
    check(page)
    page.get_by_label("Kto podał listę").fill("CSIRT NASK")
    page.get_by_label("Albo wybierz pliki").set_input_files(file)
    page.get_by_label("Po ilu dniach wygasną").press("Enter")
    page.get_by_role("status").get_by_text("Wczytano listę. Źródło: CSIRT NASK.").wait_for()
    page.get_by_text("lista.csv:3").wait_for()
    assert page.get_by_role("link", name="Zobacz poszukiwania").get_attribute("href") == "/poszukiwania"
    assert page.locator("tbody tr", has_text="CSIRT NASK").count() == 1
    check(page)
    assert context.rules.look()  # type: ignore[attr-defined]
    number = asked_for(context, f"www.{BAD}")
    page.goto(f"/alerty/{number}")
    told = page.locator("section", has=page.get_by_role("heading", name="Skąd jest wskaźnik"))
    assert "pismo 12/2026" in told.inner_text().replace("\u00a0", " ")
    check(page)
    told.get_by_role("link", name=BAD).click()
    page.wait_for_url(f"**/wskazniki?wartosc={BAD}&dokladnie=tak")
    row = page.locator("tr", has_text=BAD)
    row.locator("summary", has_text="Usuń").press("Enter")
    check(page)
    row.get_by_role("button", name="Usuń ten wskaźnik").press("Enter")
    page.get_by_text("Wskaźnik usunięto.").wait_for()
    page.get_by_text("Żadna lista nie ma takiego wskaźnika.").wait_for()
    check(page)
    page.goto(f"/alerty/{number}")
    page.get_by_text("Tego nie ma teraz wśród wskaźników:").wait_for()


def test_a_refused_list_stands_in_the_form_with_its_faults(page: Page) -> None:
    page.goto("/wskazniki")
    page.get_by_label("Kto podał listę").fill("CERT Polska")
    page.get_by_label("Wklej listę").fill("\n10.0.0.1\npl")
    page.get_by_role("button", name="Wczytaj listę").click()
    page.get_by_role("alert").get_by_text("Niczego nie wczytano.").wait_for()
    assert page.locator(".log code").all_inner_texts() == ["wklejona lista:2", "wklejona lista:3"]
    assert page.get_by_label("Wklej listę").input_value() == "\n10.0.0.1\npl"
    check(page)


@pytest.mark.parametrize("megabytes", [34, 200])
def test_a_file_that_is_too_large_is_answered_with_a_page(page: Page, tmp_path: Path, megabytes: int) -> None:
    file = tmp_path / "lista.txt"
    with file.open("wb") as stream:
        stream.truncate(megabytes << 20)
    page.goto("/wskazniki")
    page.get_by_label("Kto podał listę").fill("CERT Polska")
    page.get_by_label("Albo wybierz pliki").set_input_files(file)
    page.get_by_role("button", name="Wczytaj listę").click()
    page.get_by_role("heading", name="Za dużo danych").wait_for()
    check(page)
