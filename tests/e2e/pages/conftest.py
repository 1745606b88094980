"""The console of a module's `context`, served, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from appliance.web.context import Context
from tests.appliance.web.pages import sample
from tests.e2e.pages.tabs import signed_in


@pytest.fixture(scope="module")
def address(context: Context) -> Iterator[str]:
    with sample.served(context) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def person(browser: Browser, address: str) -> Iterator[BrowserContext]:
    tab = signed_in(browser, address)
    yield tab.context
    tab.context.close()


@pytest.fixture
def page(person: BrowserContext) -> Iterator[Page]:
    """A fresh tab of a signed-in person."""
    tab = person.new_page()
    tab.set_viewport_size({"width": 1440, "height": 900})
    yield tab
    tab.close()
