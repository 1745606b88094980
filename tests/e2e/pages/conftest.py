"""The console of a module's `context`, served, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from appliance.web.context import Context
from tests.appliance.web.pages import sample


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
