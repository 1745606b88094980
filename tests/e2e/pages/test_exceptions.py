"""An exception's life in a real browser, from the alert to the consent of another person, and the rule releases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from appliance.clock import now
from appliance.roles.content import fresh
from appliance.rulesets.budget import stop
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.exceptions import RuleException
from appliance.state.models import Alert, ExceptionState, Operation
from appliance.web.context import Context
from tests.appliance.rulesets import kit
from tests.appliance.web.pages import sample
from tests.e2e.pages.tabs import check, signed_in

pytestmark = pytest.mark.browser
OTHER = "joanna.krawczyk"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    folder = tmp_path_factory.mktemp("office")
    made = sample.make_context(folder / "home", sample.shipped_rules())
    sample.fill(made, now())
    for version in (1, 2):
        files = {f"rules/{n}.yml": kit.rule_text(n, title=f"Rule {n} of {version}") for n in range(1, 3 + version)}
        files["LICENSE"] = "Detection Rule License (DRL) 1.1"
        kit.take_release(made.home, kit.write(folder / str(version), files))
    return replace(made, rules=fresh(made.home, Settings(), made.sessions))


def person(browser: Browser, address: str, login: str) -> Page:
    """Return a wide tab of somebody who has signed in."""
    tab = signed_in(browser, address, login)
    tab.set_viewport_size({"width": 1440, "height": 900})
    return tab


def test_an_exception_lives_from_the_alert_to_its_withdrawal(browser: Browser, address: str, context: Context) -> None:
    with context.sessions() as session:
        alert = session.scalars(select(Alert).where(Alert.host == "srv-ezd-01").order_by(Alert.id)).first()
    assert alert is not None
    marek = person(browser, address, sample.LOGIN)
    marek.goto(f"/alerty/{alert.id}")
    assert "Autor reguły: Czujka" in marek.content()
    marek.get_by_role("link", name="Dodaj wyjątek").click()
    check(marek)
    marek.get_by_label("Szukaj innych reguł").fill("reverse shell")
    marek.get_by_role("button", name="Szukaj reguł").click()
    marek.get_by_text("Znalezione reguły").wait_for()
    marek.get_by_label("Ktoś z zewnątrz dostał wiersz polecenia").check()
    check(marek)
    marek.get_by_label("Użyj pola user.name").check()
    marek.get_by_label("Uzasadnienie").fill("Nocne zadanie EZD, potwierdzone u dostawcy.")
    marek.get_by_role("button", name="Sprawdź, co by ukrył").click()
    marek.get_by_text("Ukryłby 1 alert").wait_for()
    assert marek.get_by_text("Ile ukryłby z każdej reguły").is_visible()
    check(marek)
    marek.get_by_role("button", name="Wyślij do zgody").click()
    marek.get_by_text("Wyjątek czeka na zgodę drugiej osoby.").wait_for()
    assert marek.get_by_role("button", name="Zgódź się na wyjątek").count() == 0
    assert marek.get_by_text("Zgodę daje inna osoba").is_visible()
    check(marek)
    number = marek.url.rsplit("/", 1)[1].split("?")[0]
    joanna = person(browser, address, OTHER)
    joanna.goto("/wyjatki")
    check(joanna)
    joanna.get_by_role("link", name=f"Wyjątek nr {number}").click()
    joanna.get_by_role("button", name="Zgódź się na wyjątek").click()
    joanna.get_by_text("Wyjątek zadziała w ciągu kilku sekund.").wait_for()
    with context.sessions() as session:
        row = session.get_one(RuleException, int(number))
        assert (row.state, row.approver, row.author) == (ExceptionState.APPROVED, OTHER, sample.LOGIN)
    joanna.locator("summary", has_text="Cofnij wyjątek").click()
    joanna.get_by_role("button", name="Cofnij ten wyjątek").click()
    joanna.get_by_text("Wyjątek cofnięto.").wait_for()
    joanna.goto("/wyjatki")
    assert joanna.locator("#x-ended").is_visible()
    with context.sessions() as session:
        actions = session.scalars(
            select(Operation.action).where(Operation.target == number).order_by(Operation.id)
        ).all()
    assert [one for one in actions if one.startswith("exception.")] == [
        "exception.proposed",
        "exception.approved",
        "exception.withdrawn",
    ]
    marek.context.close()
    joanna.context.close()


def test_a_release_is_seen_and_given_up(browser: Browser, address: str, context: Context) -> None:
    tab = person(browser, address, sample.LOGIN)
    tab.goto("/reguly?skad=imported")
    assert tab.locator("tbody tr").count() == 4
    check(tab)
    tab.goto("/reguly?tekst=korelacja&skad=shipped&stan=wlaczone")
    assert tab.locator("tbody tr").count() == len(context.rules().correlations) > 0
    check(tab)
    tab.goto(f"/reguly/{kit.uuid(1)}")
    for words in ("Ala", "SigmaHQ", "Detection Rule License 1.1", "github.com/SigmaHQ/Detection-Rule-License"):
        assert words in tab.content()
    check(tab)
    tab.goto("/wydania")
    check(tab)
    tab.locator("summary", has_text="Wróć do poprzedniego").click()
    tab.get_by_role("button", name="Wycofaj to wydanie").click()
    tab.get_by_text("Przywrócono poprzednią wersję.").wait_for()
    assert context.rules.look()  # type: ignore[attr-defined]
    tab.goto("/reguly?skad=imported")
    assert tab.locator("tbody tr").count() == 3
    tab.context.close()


def test_a_stopped_rule_is_turned_on_again(browser: Browser, address: str, context: Context, tmp_path: Path) -> None:
    with writing(context.sessions) as session:
        stop(session, kit.uuid(1), 0.4, now())
    assert context.rules()
    assert context.rules.look()  # type: ignore[attr-defined]
    tab = person(browser, address, sample.LOGIN)
    tab.goto("/reguly?stan=wylaczone")
    assert tab.get_by_text("zatrzymana: za droga (40% czasu procesora)").count() == 1
    check(tab)
    tab.get_by_role("link", name="Rule 1 of").click()
    check(tab)
    tab.get_by_role("button", name="Włącz ponownie").click()
    tab.get_by_text("Reguła zadziała w ciągu kilku sekund.").wait_for()
    assert context.rules.look()  # type: ignore[attr-defined]
    tab.goto("/reguly?stan=wylaczone")
    assert tab.locator("tbody tr").count() == 0
    tab.context.close()
