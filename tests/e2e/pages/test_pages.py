"""The console in a real browser: axe, the content policy, narrow windows, the keyboard, live rows, two themes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from appliance.alerts import service
from appliance.alerts.grouping import Hit, apply
from appliance.alerts.service import Actor
from appliance.clock import now
from appliance.state.database import writing
from appliance.state.models import Alert
from appliance.store import BatchResult, EmbeddedStore
from appliance.store.shape import encode
from appliance.web.context import Context
from tests.appliance.web.pages import sample
from tests.e2e.pages.tabs import Theme, signed_in, violations

pytestmark = pytest.mark.browser
SEEN = "(() => { const r = document.activeElement.getBoundingClientRect(); return r.width > 0 && r.height > 0; })()"
PATHS = ["/", "/alerty", "/alerty/1", "/alerty/5", "/zdarzenia", "/zdarzenia?q=(a", "/stacje", "/reguly",
         "/zdrowie", "/reguly/zasieg", "/zdrowie/odrzucone", "/magazyn", "/raporty", "/konto", "/osoby", "/tokeny",
         "/nie-ma"]  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    made = sample.make_context(tmp_path_factory.mktemp("office") / "home", sample.shipped_rules())
    sample.fill(made, now())
    return made


@pytest.fixture(scope="module", params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[tuple[Page, Theme]]:
    tab = signed_in(browser, address, theme=request.param)
    yield tab, request.param
    tab.context.close()


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


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_keeps_its_policy_and_fits_320(themed: tuple[Page, Theme], path: str) -> None:
    page, theme = themed
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(path)
    assert violations(page, theme) == []
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert said == []


def test_the_first_tab_skips_to_the_content_and_every_stop_is_seen(page: Page) -> None:
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


def raise_alert(context: Context, host: str) -> int:
    """Let the box find something on a station; return the alert's number."""
    moment = now()
    event = sample.started(moment % 10**9, moment, host, "www-data", "sh -c id", "/usr/sbin/apache2")
    with writing(context.sessions) as session:
        return apply(session, [Hit(context.rules().rules[0], event)], moment, context.settings)[0]


def listen(page: Page, path: str) -> None:
    """Open a page and wait until its stream is open and its first look at the list is over."""
    page.mouse.move(2, 2)
    with page.expect_response(lambda answer: "/na-zywo" in answer.url):
        page.goto(path)
    page.locator("html[data-stream=open]").wait_for()


@pytest.mark.parametrize("path", ["/", "/alerty"])
def test_a_new_alert_appears_within_a_second(page: Page, context: Context, path: str) -> None:
    listen(page, path)
    waits: list[float] = []
    while len(waits) < 5 and min(waits, default=9) >= 1:
        host = f"nowa-{now()}"
        begun = time.monotonic()
        raise_alert(context, host)
        page.locator(".queue", has_text=host).wait_for()
        waits.append(time.monotonic() - begun)
    assert min(waits) < 1.0


def test_a_reader_in_the_list_is_not_disturbed(page: Page, context: Context) -> None:
    listen(page, "/alerty")
    page.locator(".queue .ttl a").first.focus()
    host = f"cicha-{now()}"
    raise_alert(context, host)
    page.get_by_role("button", name="Pokaż").wait_for()
    assert page.locator(".queue", has_text=host).count() == 0
    page.get_by_role("button", name="Pokaż").click()
    page.locator(".queue", has_text=host).wait_for()


def test_what_another_person_does_is_told_and_nothing_jumps(page: Page, context: Context) -> None:
    number = raise_alert(context, f"wspolna-{now()}")
    page.goto(f"/alerty/{number}")
    page.locator("html[data-stream=open]").wait_for()
    with writing(context.sessions) as session:
        service.take(session, number, Actor("joanna.krawczyk", 2), now())
    page.locator("[data-watched]", has_text="Przejęto: joanna.krawczyk").wait_for()
    assert page.locator(".facts", has_text="Joanna Krawczyk").count() == 1
    assert page.get_by_role("button", name="Potwierdź odbiór").count() == 1
    page.get_by_role("link", name="Odśwież stronę").click()
    page.get_by_role("button", name="Potwierdź odbiór").wait_for(state="detached")


def test_ages_tick_in_place(page: Page, context: Context) -> None:
    raise_alert(context, f"stara-{now()}")
    page.clock.install()
    page.goto("/alerty")
    first = page.locator("time[data-tick]").first
    first.wait_for()
    page.evaluate("for (const one of document.querySelectorAll('time[data-tick]')) one.textContent = 'dawno'")
    page.clock.fast_forward(61_000)
    page.locator("time[data-tick]", has_text="dawno").first.wait_for(state="detached")
    assert first.text_content()


def test_newer_events_are_counted_and_the_table_stays(page: Page, context: Context) -> None:
    page.clock.install()
    page.goto("/zdarzenia")
    rows = page.locator("[data-row]").count()
    writer = EmbeddedStore(context.home.store)
    moment = now()
    applied = writer.applied() + 1
    fresh = sample.started(moment % 10**9, moment, "pc-usc-03", "root", "ls /nowe")
    writer.append(encode([fresh]), [BatchResult(applied, sample.agent_id(0), 1, 1, 0, 0)], applied)
    writer.close()
    page.clock.fast_forward(16_000)
    page.get_by_text("1 nowsze zdarzenie.").wait_for()
    assert page.locator("[data-row]").count() == rows
    page.locator("[data-newer] a").click()
    page.locator(".ev", has_text="/nowe").wait_for()


def test_paper_has_the_card_and_no_controls(page: Page) -> None:
    page.goto("/alerty/5")
    page.emulate_media(media="print")
    assert not page.locator(".actions").is_visible()
    assert not page.locator(".nav").is_visible()
    assert page.locator(".triage .now").is_visible()
    assert page.locator(".always li").first.evaluate("one => one.getBoundingClientRect().height") > 0


def test_a_report_is_made_and_downloaded(page: Page) -> None:
    page.goto("/raporty")
    page.get_by_role("button", name="Utwórz raport").click()
    page.get_by_text("Raport jest gotowy.").wait_for(timeout=60_000)
    with page.expect_download() as made:
        page.locator("main a[download]").first.click()
    assert made.value.suggested_filename.startswith("czujka-raport-")
    assert made.value.path().read_bytes().startswith(b"%PDF-")


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


def test_a_suggestion_is_taken_with_the_pointer(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    page.locator("#q").fill("user.name:")
    page.locator("#q-list [role=option]", has_text="tomasz.lis").click()
    assert page.locator("#q").input_value() == "user.name:tomasz.lis "
    assert page.evaluate("document.activeElement.id") == "q"
