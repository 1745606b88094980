"""Suggestions under the query box, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from appliance.clock import now
from appliance.web.context import Context
from tests.appliance.web.pages import sample
from tests.e2e.pages.tabs import violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    made = sample.make_context(tmp_path_factory.mktemp("office") / "home", sample.linux_rules())
    sample.fill(made, now())
    return made


def test_a_suggestion_replaces_what_was_typed_while_the_server_thinks(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    page.keyboard.press("/")
    page.keyboard.type("h")
    page.locator("#q-list [role=option]", has_text="host:").wait_for()
    page.route("**/events/suggestions?*", lambda _route: None)  # never answered
    place = [one.text_content() for one in page.locator("#q-list [role=option]").all()].index("host:")
    page.keyboard.type("os")
    for _ in range(place + 1):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#q").input_value() == "host:"


def test_a_query_is_written_with_suggestions_and_the_keyboard_alone(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    page.keyboard.press("/")
    page.keyboard.type("hos")
    options = page.locator("#q-list [role=option]")
    options.first.wait_for()
    assert options.first.text_content() == "host:"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#q-list [role=option]", has_text="srv-ezd-01").wait_for()
    assert page.locator("#q").input_value() == "host:"
    page.keyboard.type("pc-u")
    page.locator("#q-list [role=option]:only-child", has_text="pc-usc-03").wait_for()
    assert violations(page, "light") == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.locator("#q").input_value() == "host:pc-usc-03 "
    page.keyboard.type("us")
    options.first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#q-list").is_hidden()
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    page.wait_for_url("**/zdarzenia?q=host%3Apc-usc-03*")
    assert {*page.locator(".ev td:nth-child(4)").all_text_contents()} == {"pc-usc-03"}
