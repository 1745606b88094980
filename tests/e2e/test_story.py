"""The story: from the set-up link to the closed alert, in a real browser, with a process really executed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.box import Box, wait_for
from tests.e2e.mailbox import Mailbox
from tests.e2e.person import browsing, set_up

pytestmark = [pytest.mark.browser, pytest.mark.root]
COMMAND = "echo ZWNobyBjenVqa2E= | base64 -d | sh"
OFFICE = '[office]\nname = "Urząd Gminy Próbnej"\nit_phone = "221234567"\n'


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[BrowserContext]:
    with browsing() as made:
        yield made


def _agent_watches(box: Box) -> bool:
    agents = box.get("agents")["items"]
    return any(s["name"] == "audit" and s["state"] == "on" for agent in agents for s in agent["sensors"])


def _work_through(page: Page) -> None:
    """Acknowledge, take, note, close."""
    page.locator("[data-ack]").click()
    expect(page.locator("dl.facts")).to_contain_text("odebrany")
    page.locator("[data-take]").click()
    expect(page.locator("dl.facts")).to_contain_text("w toku")
    page.locator("#note").fill("Próba uruchomiona przez informatyka <b>celowo</b>.")
    page.get_by_role("button", name="Zapisz notatkę").click()
    expect(page.locator(".log").first).to_contain_text("<b>celowo</b>")
    page.locator(".actions details.pop summary").first.click()
    page.locator("input[name=outcome][value=permitted]").check()
    page.locator("#why").fill("Próba przy uruchomieniu")
    page.get_by_role("button", name="Zamknij alert").click()
    expect(page.locator("dl.facts")).to_contain_text("działanie dozwolone")


def _investigate(page: Page) -> None:
    """From the alert to the tree of its processes, to the events of one account, to a search that is kept."""
    page.get_by_role("link", name="drzewo").first.click()
    page.wait_for_url("**/drzewo")
    expect(page.locator(".tree li.hit")).to_contain_text("to zdarzenie")
    expect(page.locator(".tree li.hit > .proc .sev")).to_have_count(1)
    page.locator(".tree li.hit").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/zdarzenia/*")
    page.get_by_role("link", name="Tylko z tą wartością pola host.name").click()
    page.wait_for_url("**/zdarzenia?q=host.name*")
    page.locator("[data-fold]", has_text="process.executable").first.click()
    page.locator(".ffv .no").first.click()
    page.wait_for_url("**NOT*")
    page.get_by_text("Zapisz to wyszukiwanie").click()
    page.get_by_label("Nazwa").fill("Ślady próby")
    page.keyboard.press("Enter")
    expect(page.locator(".msgbar.ok")).to_contain_text("zapisano")
    expect(page.locator(".kept .n")).to_have_text("1")


def test_from_the_set_up_link_to_the_closed_alert(tmp_path: Path, tab: BrowserContext) -> None:
    with Mailbox() as mailbox, Box(tmp_path, agent=True, settings=OFFICE + mailbox.settings) as box:
        page, refused = tab.new_page(), []
        page.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
        wait_for("the agent watches", lambda: _agent_watches(box), 30)
        link = box.setup_link()
        set_up(page, box)
        expect(page.locator("h1")).to_contain_text("Czujka")

        page.goto(box.base + "/alerty")
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement && document.activeElement.blur()")
        page.wait_for_timeout(500)  # the stream connects after load; the story's officer has been looking for a while
        began = time.monotonic()
        subprocess.run(["sh", "-c", COMMAND], check=True, capture_output=True)
        row = (
            page.locator("li[data-alert]", has_text="base64")
            .or_(page.locator("li[data-alert]", has_text="Base64"))
            .first
        )
        row.wait_for(timeout=10_000)
        seconds = time.monotonic() - began
        print(f"from the process to the row on the screen: {seconds:.2f} s")

        message = wait_for("the e-mail", lambda: mailbox.messages[0] if mailbox.messages else None, 10)
        assert message["To"] == "it@urzad.example"
        assert "root" not in message["Subject"]

        row.locator("h3 a").click()
        page.wait_for_url("**/alerty/*")
        expect(page.locator("ol.steps > li")).to_have_count(3)
        expect(page.locator(".triage")).to_contain_text("Czego nie robić")
        expect(page.locator(".triage")).to_contain_text("22 123 45 67")
        expect(page.locator("ul.tree")).to_contain_text("base64 -d")
        expect(page.locator("ul.cond")).to_contain_text("CommandLine")
        expect(page.locator("table.ev")).to_contain_text("base64")
        _work_through(page)
        _investigate(page)

        page.goto(link)
        expect(page.locator("input[name=password]")).to_have_count(0)
        assert refused == []
        # Measured here with a browser, a box and an agent on two cores: the row's own bar is one second.
        assert seconds < 5


def test_ctrl_c_stops_cleanly_and_the_next_start_has_everything_once(tmp_path: Path) -> None:
    with Box(tmp_path, agent=True) as box:
        wait_for("the agent watches", lambda: _agent_watches(box), 30)
        subprocess.run(["sh", "-c", COMMAND], check=True, capture_output=True)
        wait_for("the alert", lambda: box.get("alerts")["items"], 10)
        assert box.stop() == 0
        assert "Traceback" not in box.log
        box.start()
        assert len(box.get("agents")["items"]) == 1
        first = box.get("alerts")["items"]
        assert {alert["count"] for alert in first} == {1}
        events = box.get("events/count", q="base64")["count"]
        roles = list(box.roles().values())
        box.process.send_signal(signal.SIGKILL)  # type: ignore[union-attr] # started above
        box.process.wait()  # type: ignore[union-attr] # started above
        box.home.lock().close()
        wait_for("the roles end with their supervisor", lambda: not any(role.is_running() for role in roles), 20)
        box.start()
        assert box.get("alerts")["items"] == first
        assert box.get("events/count", q="base64")["count"] == events
