"""The first minutes in a real browser: the set-up link, its faults, the first page of an empty box."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from appliance.accounts.setup import create_setup_link
from appliance.clock import now
from appliance.state.database import writing
from tests.appliance.web.pages import sample

pytestmark = pytest.mark.browser


def test_the_first_administrator_enters_after_mending_the_form(tmp_path: Path, browser: Browser) -> None:
    context = sample.make_context(tmp_path / "home", sample.shipped_rules())
    with writing(context.sessions) as session:
        token = create_setup_link(session, now())
    with sample.served(context) as address:
        tab = browser.new_context(locale="pl-PL", base_url=address).new_page()
        tab.goto(f"/ustaw?token={token}")
        tab.get_by_label("Imię i nazwisko").fill("Jan Kowalski")
        tab.get_by_label("Nazwa logowania").fill("jan!")
        tab.get_by_label("Hasło", exact=True).fill(sample.PASSWORD)
        tab.get_by_label("Powtórz hasło").fill("inne")
        tab.get_by_role("button", name="Załóż konto i wejdź").click()
        tab.locator("[role=alert] li").nth(1).wait_for()
        assert tab.locator("[aria-invalid=true]").evaluate_all("all => all.map(one => one.name)") == ["login", "again"]
        assert tab.get_by_label("Imię i nazwisko").input_value() == "Jan Kowalski"
        tab.get_by_label("Nazwa logowania").fill("jan")
        tab.get_by_label("Hasło", exact=True).fill(sample.PASSWORD)
        tab.get_by_label("Powtórz hasło").fill(sample.PASSWORD)
        tab.get_by_role("button", name="Załóż konto i wejdź").click()
        tab.get_by_text("Konto jest gotowe.").wait_for()
        tab.get_by_text("Nie dołączono jeszcze żadnej stacji.").wait_for()
        tab.context.close()
