"""The console in a real browser: axe, the content policy, narrow windows, the keyboard, live rows, two themes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from appliance.alerts.grouping import Hit, apply
from appliance.clock import now
from appliance.state.database import writing
from appliance.state.models import Alert
from appliance.web.context import Context
from tests.appliance.web.pages import sample

pytestmark = pytest.mark.browser
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RUN = """axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(r => r.violations.map(
  v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join('; ')))"""
SEEN = "(() => { const r = document.activeElement.getBoundingClientRect(); return r.width > 0 && r.height > 0; })()"
PATHS = ["/", "/alerty", "/alerty/1", "/alerty/5", "/zdarzenia", "/zdarzenia?q=(a", "/stacje", "/reguly", "/zdrowie",
         "/zdrowie/odrzucone", "/raporty", "/konto", "/osoby", "/tokeny", "/nie-ma"]  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    made = sample.make_context(tmp_path_factory.mktemp("office") / "home", sample.shipped_rules())
    sample.fill(made, now())
    return made


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


@pytest.fixture(scope="module", params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A signed-in tab that remembers what the browser complained about."""
    made = browser.new_context(color_scheme=request.param, locale="pl-PL", base_url=address, reduced_motion="reduce")
    tab = made.new_page()
    tab.goto("/zaloguj")
    tab.get_by_label("Nazwa logowania").fill(sample.LOGIN)
    tab.get_by_label("Hasło").fill(sample.PASSWORD)
    tab.get_by_role("button", name="Zaloguj się").click()
    tab.wait_for_url(address + "/")
    yield tab
    made.close()


def violations(tab: Page) -> list[str]:
    """Run axe in an isolated world, so that the page's content policy stays in force."""
    session = tab.context.new_cdp_session(tab)
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = session.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    session.send("Runtime.evaluate", {"expression": AXE, "contextId": world})
    answer = session.send(
        "Runtime.evaluate", {"expression": RUN, "contextId": world, "awaitPromise": True, "returnByValue": True}
    )
    session.detach()
    found: list[str] = answer["result"]["value"]
    return found


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_keeps_its_policy_and_fits_320(page: Page, path: str) -> None:
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(path)
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert violations(page) == []
    assert said == []


def test_the_first_tab_skips_to_the_content_and_every_stop_is_seen(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/alerty/5")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN)


def test_keys_go_and_help(page: Page, address: str) -> None:
    page.goto("/stacje")
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url(address + "/alerty")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")


@pytest.mark.parametrize("path", ["/", "/alerty"])
def test_a_new_alert_appears_within_a_second(page: Page, context: Context, path: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    with page.expect_response("**/api/v1/stream"):
        page.goto(path)
    page.mouse.move(2, 2)
    page.wait_for_timeout(800)
    moment = now()
    host = f"nowa-{moment}"
    event = sample.started(moment % 10**9, moment, host, "www-data", "sh -c id", "/usr/sbin/apache2")
    with writing(context.sessions) as session:
        apply(session, [Hit(context.rules().rules[0], event)], moment, context.settings)
    begun = time.monotonic()
    page.get_by_text(host).first.wait_for(timeout=5000)
    assert time.monotonic() - begun < 1.0


def test_a_reader_in_the_list_is_not_disturbed(page: Page, context: Context) -> None:
    with page.expect_response("**/api/v1/stream"):
        page.goto("/alerty")
    page.wait_for_timeout(800)
    page.locator(".queue .ttl a").first.focus()
    moment = now()
    host = f"cicha-{moment}"
    event = sample.started(moment % 10**9, moment, host, "www-data", "sh -c id", "/usr/sbin/apache2")
    with writing(context.sessions) as session:
        apply(session, [Hit(context.rules().rules[0], event)], moment, context.settings)
    page.get_by_role("button", name="Pokaż").wait_for(timeout=5000)
    assert page.get_by_text(host).count() == page.locator("#live", has_text=host).count()
    page.get_by_role("button", name="Pokaż").click()
    page.locator(".queue", has_text=host).wait_for(timeout=5000)


def test_an_event_row_opens_in_place_and_shuts(page: Page) -> None:
    page.goto("/zdarzenia")
    row = page.locator("[data-row]").first
    row.click()
    page.locator(".detail").wait_for()
    row.click()
    page.locator(".detail").wait_for(state="detached")


def test_an_alert_is_acknowledged_by_its_button(page: Page, context: Context) -> None:
    page.goto("/")
    page.get_by_role("button", name="Potwierdź odbiór").first.click()
    page.get_by_text("Odbiór potwierdzono.").wait_for()
    with context.sessions() as session:
        assert session.query(Alert).filter(Alert.state == "received").count() >= 1
