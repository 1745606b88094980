"""The process tree: what it says of each process, and how it is drawn from the store and where that fails."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from appliance.clock import SECOND
from appliance.state.models import Alert, AlertEvent, Role
from appliance.store import EmbeddedStore, ProcessNode, ProcessTree, QueryTimeout
from appliance.store.shape import encode
from appliance.web.pages.views.process import SHORT, WHOLE, Process, process_tree
from tests.appliance.web.conftest import TestBox, app_over
from tests.appliance.web.pages import sample


def start(number: int, parent: int, command: str = "/bin/x", **more: Any) -> dict[str, Any]:
    event = {
        "event.id": f"{number:032x}",
        "@timestamp": number * SECOND,
        "host.name": "pc",
        "process.executable": f"/bin/p{number}",
        "process.pid": number,
        "process.parent.pid": parent,
        "process.command_line": command,
    }
    return event | more


def drawn(*nodes: tuple[dict[str, Any], int | None], hit: int = 1, alerted: dict[str, Any] | None = None) -> Process:
    tree = ProcessTree([ProcessNode(one, f"{up:032x}" if up else None) for one, up in nodes], complete=True)
    found = process_tree(tree, f"{hit:032x}", alerted or {})
    assert found is not None
    return found


def lines(one: Process) -> list[tuple[int, str]]:
    return [(one.depth, one.name), *(line for child in one.children for line in lines(child))]


def test_a_tree_keeps_who_started_whom_and_the_order() -> None:
    top = drawn((start(1, 0), None), (start(2, 1), 1), (start(4, 1), 1), (start(5, 2), 2), hit=4)
    assert lines(top) == [(1, "p1"), (2, "p2"), (3, "p5"), (2, "p4")]
    second, fourth = top.children
    assert (fourth.hit, second.hit, fourth.after_us, fourth.above) == (True, False, 3 * SECOND, "p1")


def test_a_parent_that_only_its_child_names_stands_above() -> None:
    top = drawn((start(7, 3, **{"process.parent.executable": "C:\\Windows\\explorer.exe"}), None), hit=7)
    assert (top.id, top.name, top.pid, top.depth) == ("", "explorer.exe", "3", 1)
    assert lines(top) == [(1, "explorer.exe"), (2, "p7")]
    assert top.children[0].after_us is None


def test_alerts_stand_at_their_process() -> None:
    top = drawn((start(1, 0), None), (start(2, 1), 1), alerted={f"{2:032x}": (17, 3)})
    assert [(one.alert_id, one.level) for one in (top, top.children[0])] == [(None, None), (17, 3)]


def test_what_a_process_did_is_told_as_that() -> None:
    did: dict[str, Any] = {
        "event.id": f"{3:032x}",
        "@timestamp": 9,
        "process.executable": "/bin/p1",
        "destination.ip": "192.0.2.1",
    }
    top = drawn((start(1, 0), None), (did, 1), hit=3)
    (below,) = top.children
    assert top.summary is None
    assert below.summary is not None
    assert (below.summary.key, below.summary.target) == ("event.connects", "192.0.2.1")


@pytest.mark.parametrize(("length", "opened", "cut"), [(SHORT, 0, False), (SHORT + 1, SHORT + 1, False),
                                                     (WHOLE + 1, WHOLE, True)])  # fmt: skip
def test_a_long_command_is_short_and_can_be_had(length: int, opened: int, cut: bool) -> None:
    one = drawn((start(1, 0, "x" * length), None))
    assert len(one.command) <= SHORT
    assert (len(one.opened), one.cut) == (opened, cut)


def test_an_event_without_a_process_has_no_tree() -> None:
    event: dict[str, Any] = {"event.id": f"{1:032x}", "@timestamp": 1, "user.name": "x"}
    assert process_tree(ProcessTree([ProcessNode(event, None)], complete=True), f"{1:032x}", {}) is None


@pytest.fixture(scope="module")
def family(office: TestBox) -> list[dict[str, Any]]:
    """A line of processes deeper than anything indents, with a command that holds markup."""
    moment = office.context.now() - 60 * SECOND
    made = [
        sample.started(70_000 + n, moment + n, "pc-usc-03", "root", f"p{n} <b>{'y' * 300}</b>")
        | {"process.pid": 70_000 + n, "process.parent.pid": 69_999 + n}
        for n in range(41)
    ]
    writer = EmbeddedStore(office.context.home.store)
    writer.append(encode(made), [], writer.applied() + 1)
    writer.close()
    return made


def test_the_page_draws_both_ways_to_any_depth(office: TestBox, family: list[dict[str, Any]]) -> None:
    middle = family[20]["event.id"]
    text = office.ask("GET", f"/zdarzenia/{middle}/drzewo", office.person(Role.AUDITOR)).text
    drawn_ids = re.findall(r'href="/zdarzenia/([0-9a-f]{32})">p\d', text)
    assert drawn_ids == [one["event.id"] for one in family]
    assert text.count('aria-current="true"') == 1
    assert "<b>y" not in text
    assert 'class="flat"' in text


def test_an_event_without_a_process_says_so(office: TestBox) -> None:
    event: dict[str, Any] = {"event.id": f"{99:032x}", "@timestamp": office.context.now(), "host.name": "pc-kadry-01"}
    writer = EmbeddedStore(office.context.home.store)
    writer.append(encode([event]), [], writer.applied() + 1)
    writer.close()
    answer = office.ask("GET", f"/zdarzenia/{99:032x}/drzewo", office.person(Role.AUDITOR))
    assert (answer.status_code, "nie dotyczy procesu" in answer.text) == (200, True)
    assert office.ask("GET", f"/zdarzenia/{98:032x}/drzewo", office.person(Role.AUDITOR)).status_code == 404


def test_an_alert_shows_the_tree_of_its_event(office: TestBox) -> None:
    with office.context.sessions() as session:
        alert = session.query(Alert).filter(Alert.host == "srv-ezd-01").first()
        assert alert is not None
        first = session.query(AlertEvent).filter_by(alert_id=alert.id).first()
        assert first is not None
    text = office.ask("GET", f"/alerty/{alert.id}", office.person(Role.AUDITOR)).text
    tree = text[text.index('<ul class="tree"') : text.index('id="h-why"')]
    assert "tu zadziałała reguła" in tree.replace("\u00a0", " ")
    assert re.search(r'href="/alerty/\d+" data-name><span class="sev sev-[34]">', tree)
    assert "apache2" in tree
    assert f'href="/zdarzenia/{first.event_id}/drzewo"' in text


def test_a_store_that_does_not_answer_costs_the_tree_alone(
    office: TestBox, family: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object, **__: object) -> ProcessTree:
        raise QueryTimeout("late")

    monkeypatch.setattr(type(office.context.store), "process_tree", late)
    box = replace(office, app=app_over(office.context))
    for path in (f"/alerty/{office.alert}", f"/zdarzenia/{family[3]['event.id']}/drzewo"):
        answer = box.ask("GET", path, box.person(Role.AUDITOR))
        assert answer.status_code == 200
        assert "nie odpowiedziała na czas" in answer.text.replace("\u00a0", " ")
