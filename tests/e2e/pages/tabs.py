"""Tabs of people who have signed in, and what axe finds wrong in one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import axe_playwright_python
from playwright.sync_api import Browser, Page

from tests.appliance.web.pages import sample

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RUN = """axe.run({runOnly: %s}).then(r => r.violations.map(
  v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join('; ')))"""
# A theme changes colours only: what else axe looks at is the same on the dark page.
RULES = {
    "light": "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']",
    "dark": "{type: 'rule', values: ['color-contrast', 'link-in-text-block']}",
}


def signed_in(browser: Browser, address: str, login: str = sample.LOGIN, theme: Theme = "light") -> Page:
    """Return a tab of a person in a theme."""
    made = browser.new_context(color_scheme=theme, locale="pl-PL", base_url=address, reduced_motion="reduce")
    tab = made.new_page()
    tab.goto("/zaloguj")
    tab.get_by_label("Nazwa logowania").fill(login)
    tab.get_by_label("Hasło").fill(sample.PASSWORD)
    tab.get_by_role("button", name="Zaloguj się").click()
    tab.wait_for_url(address + "/")
    return tab


def violations(tab: Page, theme: Theme) -> list[str]:
    """Run axe in an isolated world, so that the page's content policy stays in force."""
    session = tab.context.new_cdp_session(tab)
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = session.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    session.send("Runtime.evaluate", {"expression": AXE, "contextId": world})
    answer = session.send(
        "Runtime.evaluate",
        {"expression": RUN % RULES[theme], "contextId": world, "awaitPromise": True, "returnByValue": True},
    )
    session.detach()
    found: list[str] = answer["result"]["value"]
    return found


def check(tab: Page) -> None:
    """Look at a page as axe does, in both themes, and in a narrow window."""
    for theme in THEMES:
        tab.emulate_media(color_scheme=theme)
        assert violations(tab, theme) == []
    tab.emulate_media(color_scheme="light")
    for width in (320, 768, 1440):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
