"""The console in a real browser: axe, the content policy, narrow windows, the keyboard, live rows, two themes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from agent.wire.event import event_id
from appliance.alerts import service
from appliance.alerts.grouping import Hit, apply
from appliance.alerts.service import Actor
from appliance.clock import now
from appliance.hunt.asked import tell
from appliance.state.database import writing
from appliance.state.hunts import HuntRun, HuntState
from appliance.state.models import Alert
from appliance.store import BatchResult, EmbeddedStore
from appliance.store.shape import encode
from appliance.web.context import Context
from tests.appliance.web.pages import sample, sample_stations
from tests.e2e.pages.tabs import THEMES, signed_in, violations

pytestmark = pytest.mark.browser
SEEN = "(() => { const r = document.activeElement.getBoundingClientRect(); return r.width > 0 && r.height > 0; })()"
EVENT = event_id("sample", 1)
PATHS = ["/", "/alerty", "/alerty/1", "/alerty/5", "/zdarzenia?q=(a", "/zdarzenia/zapisane", f"/zdarzenia/{EVENT}",
         "/zdarzenia?okres=all&pole=user.name&wg=poziom&kol=host.name,process.executable,_opis",
         f"/zdarzenia/{EVENT}/drzewo", "/stacje", "/stacje/co-zbieram", "/stacje/decyzje", "/stacje/instalacja",
         "/stacje/aktualizacje",
         f"/stacje/{sample.agent_id(3)}", f"/stacje/{sample.agent_id(3)}/spis?dzial=package", "/podatnosci",
         "/reguly", "/zdrowie", "/reguly/zasieg", "/zdrowie/odrzucone", "/magazyn", "/poszukiwania", "/poszukiwania/1",
         "/wskazniki?wartosc=example", "/poszukiwania/3", "/poszukiwania/nowe", "/raporty", "/dowody", "/konto",
         "/osoby", "/tokeny", "/nie-ma"]  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    made = sample.make_context(tmp_path_factory.mktemp("office") / "home", sample.linux_rules())
    sample.fill(made, now())
    with writing(made.sessions) as session:
        sample_stations.disturb(session, [sample.agent_id(number) for number in (3, 1, 2, 5, 6)], now())
    return made


@pytest.fixture(scope="module")
def visited(browser: Browser, address: str) -> Iterator[Page]:
    """The tab in which the pages are looked at, one after another."""
    tab = signed_in(browser, address)
    yield tab
    tab.context.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_in_both_themes_keeps_its_policy_and_fits_320(visited: Page, path: str) -> None:
    said: list[str] = []
    visited.on("console", lambda line: said.append(line.text) if "Content Security Policy" in line.text else None)
    visited.on("pageerror", lambda error: said.append(str(error)))
    visited.set_viewport_size({"width": 1440, "height": 900})
    for theme in THEMES:
        visited.emulate_media(color_scheme=theme)
        if theme == THEMES[0]:
            visited.goto(path)
        assert violations(visited, theme) == []
    visited.set_viewport_size({"width": 320, "height": 700})
    assert visited.evaluate("document.documentElement.scrollWidth") <= 320
    assert said == []


def test_the_first_tab_skips_to_the_content_and_every_stop_is_seen(page: Page) -> None:
    page.goto("/alerty/5")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN)


@pytest.mark.parametrize("width", [1280, 1440])
def test_long_names_leave_the_top_bar_one_line_high(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/")
    for text in ("Marek Wiśniewski", "Aleksandra Brzęczyszczykiewicz-Kowalska " * 3):
        page.evaluate("text => { document.querySelector('.who-menu > summary > span').textContent = text }", text)
        heights = page.evaluate(
            "['.top', '.top-end > .meta', '.who-menu > summary'].map(one => "
            "document.querySelector(one).getBoundingClientRect().height)"
        )
        assert [height <= most for height, most in zip(heights, (54, 24, 36), strict=True)] == [True] * 3, heights
        assert page.evaluate("document.documentElement.scrollWidth") <= width


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


def test_a_suggestion_is_taken_with_the_pointer(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    page.locator("#q").fill("user.name:")
    page.locator("#q-list [role=option]", has_text="tomasz.lis").click()
    assert page.locator("#q").input_value() == "user.name:tomasz.lis "
    assert page.evaluate("document.activeElement.id") == "q"


def test_rows_are_walked_opened_and_shut_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    for key in "jjk":
        page.keyboard.press(key)
    rows = page.locator("[data-row]")
    assert rows.nth(0).evaluate("one => one === document.activeElement")
    page.keyboard.press("Enter")
    page.locator(".detail").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.locator(".detail").wait_for(state="detached")
    assert rows.nth(0).evaluate("one => one === document.activeElement")
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    assert page.locator("#q").input_value() == "jk?"


def test_a_value_is_searched_left_out_and_shown_as_a_column(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    page.locator("a.v", has_text="tomasz.lis").first.click()
    assert page.locator("#drill").is_visible()
    assert violations(page, "light") == []
    page.keyboard.press("Escape")
    assert page.locator("a.v", has_text="tomasz.lis").first.evaluate("one => one === document.activeElement")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/zdarzenia?q=NOT*")
    assert page.locator("a.v", has_text="tomasz.lis").count() == 0
    page.locator("[data-fold]", has_text="host.name").click()
    page.locator(".ffv a", has_text="pc-usc-03").first.click()
    page.wait_for_url("**pc-usc-03*")
    assert {*page.locator(".ev td:nth-child(4)").all_text_contents()} == {"pc-usc-03"}
    page.locator(".ffv").get_by_text("jest kolumną").wait_for()
    page.locator("[data-fold]", has_text="process.executable").first.click()
    page.get_by_role("link", name="Dodaj kolumnę").click()
    page.wait_for_url("**kol=*")
    assert page.locator(".ev th code", has_text="process.executable").count() == 1


def test_the_bars_are_brushed_and_a_press_takes_one(page: Page) -> None:
    page.goto("/zdarzenia?okres=24h")
    box = page.locator(".brush svg").bounding_box()
    assert box is not None
    whole = int(page.locator(".found b").inner_text().split()[0].replace("\u00a0", ""))
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40)
    page.mouse.up()
    page.keyboard.press("Enter")
    page.wait_for_url("**od=*")
    part = int(page.locator(".found b").inner_text().split()[0].replace("\u00a0", ""))
    assert 0 < part < whole
    page.locator(".brush svg").click(position={"x": box["width"] * 0.3, "y": 40})
    assert page.locator("#od").input_value() < page.locator("#do").input_value()


def test_a_tree_is_walked_with_the_arrow_keys(page: Page) -> None:
    page.goto(f"/zdarzenia/{EVENT}/drzewo")
    here = page.locator(".tree li.hit")
    here.focus()
    page.keyboard.press("ArrowLeft")
    parent = page.locator(".tree > li")
    assert parent.evaluate("one => one === document.activeElement")
    page.keyboard.press("ArrowLeft")
    assert (parent.get_attribute("aria-expanded"), here.is_visible()) == ("false", False)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert here.evaluate("one => one === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/zdarzenia/{EVENT}")
    assert page.locator("tr.here").count() == 1


def test_a_search_is_kept_and_found_again(page: Page) -> None:
    page.goto("/zdarzenia?okres=7d&q=host%3Apc-usc-03")
    page.get_by_text("Zapisz to wyszukiwanie").click()
    page.get_by_label("Nazwa").fill("Tylko USC")
    page.keyboard.press("Enter")
    page.get_by_text("Wyszukiwanie zapisano.").wait_for()
    page.goto("/zdarzenia")
    page.locator(".kept summary", has_text="Zapisane").click()
    page.get_by_role("link", name="Tylko USC").click()
    page.wait_for_url("**okres=7d*")
    assert page.locator("#q").input_value() == "host:pc-usc-03"


def test_events_are_read_without_script(browser: Browser, address: str, person: BrowserContext) -> None:
    bare = browser.new_context(base_url=address, java_script_enabled=False, storage_state=person.storage_state())
    tab = bare.new_page()
    tab.goto("/zdarzenia?okres=all")
    tab.locator("[data-fold]", has_text="host.name").click()
    tab.locator(".ffv a", has_text="pc-usc-03").first.click()
    assert tab.locator("#q").input_value() == 'host.name:"pc-usc-03"'
    tab.locator("a.v").first.click()
    tab.get_by_role("link", name="Drzewo procesów").click()
    assert tab.locator(".tree li.hit").is_visible()
    bare.close()


def test_a_hunt_is_started_watched_and_stopped(page: Page, context: Context) -> None:
    page.goto("/poszukiwania")
    page.get_by_role("link", name="Nowe poszukiwanie").click()
    page.get_by_label("Nazwa, źródło").fill("base64")
    page.get_by_role("button", name="Wybierz reguły").click()
    page.get_by_label("Nazwa (może być pusta)").fill("Po urlopie")
    page.get_by_label("Powtarzaj").select_option("codziennie")
    page.get_by_role("button", name="Zacznij poszukiwanie").click()
    page.get_by_text("Kolejne będą zaczynać się same").wait_for()
    page.locator("html[data-stream=open]").wait_for()
    number = int(page.url.rsplit("/", 1)[1].split("?")[0])
    with writing(context.sessions) as session:
        row = session.get_one(HuntRun, number)
        row.state, row.floor, row.done_from = HuntState.RUNNING, row.since, row.since + (row.until - row.since) // 4
        tell(session, now())
    page.locator(".st", has_text="trwa").wait_for()
    assert page.get_by_role("progressbar").get_attribute("value") == "75"
    page.get_by_role("button", name="Zatrzymaj poszukiwanie").focus()
    with writing(context.sessions) as session:
        session.get_one(HuntRun, number).hits = 4321
        tell(session, now())
    page.locator("dd", has_text="4321").wait_for()
    page.get_by_role("button", name="Zatrzymaj poszukiwanie").press("Enter")
    page.get_by_text("Poszukiwanie skończy się").wait_for()
    page.goto("/poszukiwania")
    page.locator("html[data-stream=open]").wait_for()
    page.locator("tr", has_text="Po urlopie").get_by_text("kończy się").wait_for()
    assert page.locator("section[aria-labelledby=p-p] tr", has_text="codziennie").count() == 1
    with writing(context.sessions) as session:
        session.get_one(HuntRun, number).state = HuntState.STOPPED
        tell(session, now())
    page.locator("tr", has_text="Po urlopie").get_by_text("zatrzymane").wait_for()
