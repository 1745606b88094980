"""The console over events that a real cluster has, in a real browser: search, tree, hunts, evidence, the store."""

from __future__ import annotations

import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page

from agent.wire.event import event_id
from appliance.clock import DAY, now
from appliance.deliver.texts import Writer, load_catalogue
from appliance.evidence.keeper import Keeper
from appliance.roles.hunting import Hunting
from appliance.settings import StoreSettings
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.target import ClusterTarget
from appliance.store.elastic.watching import watch
from appliance.web.context import Context
from tests.appliance.web.pages import sample
from tests.e2e.pages.tabs import signed_in
from tests.nodes.clusters import clean, settings_for
from tests.nodes.node import Node

pytestmark = [pytest.mark.browser, pytest.mark.nodes]
INDEX = "konsola"
EVENT = event_id("sample", 1)


@pytest.fixture(scope="module")
def context(nodes: dict[str, Node], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """The filled box, whose events went to a cluster; its chain and its check are up to date."""
    node = nodes["elasticsearch-9"]
    node.ready()
    made = sample.make_context(tmp_path_factory.mktemp("office") / "home", sample.linux_rules())
    sample.fill(made, now())
    cluster = settings_for(node, INDEX)
    store = StoreSettings(kind="elasticsearch", elasticsearch=cluster)
    with closing(ClusterTarget(cluster, made.home.spool)) as target, closing(made.store):
        target.put(made.store.between(0, now() + DAY, 10_000) or [])
    settings = made.settings.model_copy(update={"store": store})
    with closing(ElasticReader(cluster, made.home.spool)) as reader:
        afar = replace(made, store=reader, settings=settings)
        Keeper(afar.home, settings, afar.sessions).round()
        watch(store, afar.home.cluster, now())
        yield afar
    clean(node, INDEX)


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    tab = signed_in(browser, address)
    tab.set_viewport_size({"width": 1440, "height": 900})
    yield tab
    tab.context.close()


def found(page: Page) -> int:
    """How many events the page says that there are."""
    return int(re.sub(r"\D", "", page.locator(".found b").inner_text()))


def test_events_are_searched_counted_and_narrowed(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    every = found(page)
    assert every > 1500
    assert page.locator("[data-row]").count() > 10
    page.locator("#q").fill("host:pc-usc-03")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=host%3Apc-usc-03*")
    assert 0 < found(page) < every
    assert {*page.locator(".ev td:nth-child(4)").all_text_contents()} == {"pc-usc-03"}


def test_the_histogram_narrows_the_time(page: Page) -> None:
    page.goto("/zdarzenia?okres=24h")
    whole = found(page)
    box = page.locator(".brush svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40)
    page.mouse.up()
    page.keyboard.press("Enter")
    page.wait_for_url("**od=*")
    assert 0 < found(page) < whole


def test_the_sidebar_counts_values_and_a_value_is_left_out(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    page.locator("[data-fold]", has_text="host.name").click()
    page.locator(".ffv a", has_text="pc-usc-03").first.click()
    page.wait_for_url("**pc-usc-03*")
    assert {*page.locator(".ev td:nth-child(4)").all_text_contents()} == {"pc-usc-03"}
    page.locator("a.v", has_text="tomasz.lis").first.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**NOT*")
    assert page.locator("a.v", has_text="tomasz.lis").count() == 0


def test_a_row_leads_to_its_event_and_its_tree(page: Page) -> None:
    page.goto("/zdarzenia?okres=all")
    page.locator("[data-row]").first.click()
    page.locator(".detail").wait_for()
    page.goto(f"/zdarzenia/{EVENT}")
    page.get_by_role("link", name="Drzewo procesów").first.click()
    page.wait_for_url(f"**/zdarzenia/{EVENT}/drzewo")
    assert page.locator(".tree li.hit").is_visible()
    assert page.locator(".tree > li").count() == 1


def test_a_hunt_is_asked_for_and_finds_what_was_found(page: Page, context: Context) -> None:
    page.goto("/poszukiwania/nowe")
    page.get_by_label("Nazwa (może być pusta)").fill("W klastrze")
    page.get_by_role("button", name="Zacznij poszukiwanie").click()
    page.wait_for_url("**/poszukiwania/*")
    writer = Writer(load_catalogue(), context.settings, lambda *_: None)
    # As the box does: in a thread of its own, which alone goes behind all others.
    running = threading.Thread(target=Hunting(context.home, context.settings, context.sessions, writer).run)
    running.start()
    running.join()
    page.goto("/poszukiwania")
    page.get_by_role("link", name="W klastrze").first.click()
    facts = page.locator("[data-part=h-facts]").inner_text()
    assert "skończone" in facts
    hits = re.search(r"Trafienia\s+(\d+)", facts)
    assert hits is not None
    assert int(hits[1]) >= 4


def test_a_pack_has_the_cluster_s_events(page: Page) -> None:
    page.goto("/dowody")
    assert "Zdarzenia są w klastrze." in page.locator("main").inner_text().replace("\u00a0", " ")
    with page.expect_download() as made:
        page.get_by_role("button", name="Pobierz paczkę").click()
    with zipfile.ZipFile(made.value.path()) as pack:
        lines = [line for name in pack.namelist() if name.endswith(".ndjson") for line in pack.read(name).splitlines()]
    assert len(lines) > 1000


def test_the_store_tells_how_the_cluster_is(page: Page) -> None:
    for path in ("/magazyn", "/zdrowie"):
        page.goto(path)
        told = page.locator("section", has=page.locator("#klaster")).inner_text().replace("\u00a0", " ")
        assert "Elasticsearch 9" in told
        assert "Klaster jest zdrowy; węzły z danymi: 1." in told
        assert "Rozliczalność: indeks dnia znika po dniach: 730." in told
    page.goto("/")
    assert "pracuje" in page.locator("div", has_text="Klaster ze zdarzeniami").last.inner_text()
