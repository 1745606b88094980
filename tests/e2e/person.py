"""The first person of a box, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.e2e.box import Box

PASSWORD = "Zielony-rower-7-na-moscie"


@contextmanager
def browsing() -> Iterator[BrowserContext]:
    """Open a browser that takes the box's own certificate."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_context(ignore_https_errors=True, locale="pl-PL", viewport={"width": 1440, "height": 900})
        browser.close()


def set_up(page: Page, box: Box) -> None:
    """Go from the set-up link to the console."""
    page.goto(box.setup_link())
    for field, value in (("name", "Marek Wiśniewski"), ("login", "marek"), ("password", PASSWORD), ("again", PASSWORD)):
        page.locator(f"input[name={field}]").fill(value)
    page.locator("form button.main").click()
    page.wait_for_url(box.base + "/?ok=welcome")
