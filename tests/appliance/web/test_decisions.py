"""Decisions on stations and on what they collect, by API, page and command line: the same, with the same rights."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from appliance.cli import build
from appliance.clock import DAY
from appliance.state.database import writing
from appliance.state.models import Agent, Operation, Role
from appliance.stations.collecting import holding
from appliance.stations.quarantine import Reason, hold
from appliance.web.policy import Scope
from tests.appliance.web.conftest import AGENT, TestBox

NEW = "00000000-0000-4000-8000-00000000000a"
PAGE = "/stacje/decyzje"


@pytest.fixture
def twice(box: TestBox) -> TestBox:
    """A box whose station has enrolled again, under a hostile name."""
    moment = box.context.now()
    with writing(box.context.sessions) as session:
        old = session.get_one(Agent, AGENT)
        old.hostname, old.enrolled_at, old.seen_at = "<b>kasa", moment - 9 * DAY, moment - DAY
        more = {"certificate": "1" * 64, "expires_at": moment + DAY, "sensors": []}
        session.add(Agent(id=NEW, hostname="<b>kasa", enrolled_at=moment, seen_at=moment, **more))
    return box


def actions(box: TestBox) -> set[str]:
    with box.context.sessions() as session:
        return {one.action for one in session.query(Operation)}


def test_the_api_lists_and_replaces(twice: TestBox) -> None:
    token = twice.token(Scope.AGENTS_READ, Scope.AGENTS_WRITE)
    (one,) = twice.get("/station-decisions", twice.token(Scope.AGENTS_READ)).json()["replacements"]
    assert (one["old"]["id"], one["new"]["id"], one["marks"], one["differs"]) == (AGENT, NEW, ["name"], False)
    assert twice.post(f"/agents/{AGENT}/replace", twice.person(Role.AUDITOR), {"new": NEW}).status_code == 403
    assert twice.post(f"/agents/{NEW}/replace", token, {"new": AGENT}).status_code == 404
    assert twice.post(f"/agents/{AGENT}/replace", token, {"new": "x"}).status_code == 422
    assert twice.post(f"/agents/{AGENT}/replace", token, {"new": NEW}).status_code == 200
    told = twice.get(f"/agents/{AGENT}", token).json()
    assert (told["state"], told["replaced_by"]) == ("replaced", NEW)
    assert "agent.replaced" in actions(twice)
    again = twice.post(f"/agents/{AGENT}/keep-both", token, {"new": NEW})
    assert (again.status_code, again.json()["code"]) == (404, "pair_unknown")


def test_the_page_asks_and_an_administrator_decides(twice: TestBox) -> None:
    admin, auditor = twice.person(Role.ADMIN), twice.person(Role.AUDITOR)
    text = twice.ask("GET", PAGE, admin).text
    assert "Ta sama maszyna po reinstalacji?" in text
    assert "<b>kasa" not in text
    assert 'value="zastap"' not in twice.ask("GET", PAGE, auditor).text
    assert 'href="/stacje/decyzje"' in twice.ask("GET", "/stacje", auditor).text
    path = f"{PAGE}/{AGENT}/{NEW}"
    assert twice.ask("POST", path, auditor, data={"decyzja": "zastap"}).status_code == 403
    assert twice.ask("POST", path, admin, data={"decyzja": "moze"}).status_code == 422
    assert twice.ask("POST", path, admin, data={"decyzja": "zastap"}).status_code == 303
    assert "Żadna stacja" in twice.ask("GET", PAGE, admin).text
    old, new = (twice.ask("GET", f"/stacje/{one}", admin).text for one in (AGENT, NEW))
    assert f'href="/stacje/{NEW}"' in old
    assert "zastąpiona nową stacją" in old
    assert "/cofnij" not in old
    assert f'href="/stacje/{AGENT}"' in new
    listed = twice.ask("GET", "/stacje?stan=replaced", admin).text
    assert f"/stacje/{AGENT}" in listed
    assert f"/stacje/{NEW}" not in listed


def test_they_may_be_two_computers(twice: TestBox) -> None:
    admin = twice.person(Role.ADMIN)
    assert twice.ask("POST", f"{PAGE}/{AGENT}/{NEW}", admin, data={"decyzja": "osobno"}).status_code == 303
    assert twice.get("/station-decisions", admin).json() == {"held": [], "replacements": []}
    assert twice.get(f"/agents/{AGENT}", admin).json()["state"] == "active"


def test_the_api_releases_what_is_held(box: TestBox) -> None:
    with writing(box.context.sessions) as session:
        hold(session, AGENT, Reason.TWO_MACHINES, 5)
    admin = box.person(Role.ADMIN)
    (held,) = box.get("/station-decisions", admin).json()["held"]
    assert (held["agent"]["id"], held["reason"]) == (AGENT, "two_machines")
    assert box.post(f"/agents/{AGENT}/release", box.person(Role.AUDITOR)).status_code == 403
    assert box.post(f"/agents/{AGENT}/release", admin).json()["state"] == "active"
    assert box.post(f"/agents/{AGENT}/release", admin).status_code == 404
    assert {"agent.quarantined", "agent.released"} <= actions(box)


def test_the_api_switches_what_is_collected(box: TestBox) -> None:
    admin, token = box.person(Role.ADMIN), box.token(Scope.AGENTS_WRITE)
    listed = box.get("/collecting", box.person(Role.AUDITOR)).json()
    assert {row["category"]: row["collected"] for row in listed["items"]}["dns"] is False
    assert box.post("/collecting", box.person(Role.OPERATOR), {"category": "dns", "collected": True}).status_code == 403
    assert box.post("/collecting", token, {"category": "dns", "collected": True}).status_code == 200
    own = {"category": "dns", "collected": False, "agent_id": AGENT}
    answer = box.post("/collecting", admin, own).json()
    assert answer["apart"] == [AGENT]
    row = next(one for one in answer["items"] if one["category"] == "dns")
    assert (row["collected"], row["who"], row["own"]) == (False, "admin", True)
    with box.context.sessions() as session:
        assert holding(session, None)["dns"].collected
        assert not holding(session, AGENT)["dns"].collected
        assert session.query(Operation).filter(Operation.action == "collection.switched").count() == 2
    assert box.post("/collecting", admin, own | {"collected": None}).json()["apart"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"category": "thoughts", "collected": True}, 422),
        ({"category": "dns", "collected": None}, 422),
        ({"category": "dns"}, 422),
        ({"category": "x" * 33, "collected": True}, 422),
        ({"category": "dns", "collected": True, "agent_id": NEW}, 404),
        ({"category": "dns", "collected": True, "agent_id": "zzz"}, 422),
    ],
)
def test_a_senseless_switch_is_refused(box: TestBox, body: dict[str, object], status: int) -> None:
    assert box.post("/collecting", box.person(Role.ADMIN), body).status_code == status
    assert "collection.switched" not in actions(box)


def test_of_an_unknown_station_nothing_is_collected(box: TestBox) -> None:
    assert box.get(f"/collecting?agent_id={NEW}", box.person(Role.ADMIN)).status_code == 404


def test_the_command_line_decides_as_well(twice: TestBox) -> None:
    runner, app, home = CliRunner(), build(["stations"]), ["--home", str(twice.context.home.root)]
    listed = runner.invoke(app, ["stations", "decisions", *home])
    assert (listed.exit_code, listed.output.split("\t")[:3]) == (0, ["para", AGENT, NEW])
    assert runner.invoke(app, ["stations", "replace", NEW, AGENT, *home]).exit_code == 1
    assert runner.invoke(app, ["stations", "replace", AGENT, NEW, *home]).exit_code == 0
    assert runner.invoke(app, ["stations", "keep-both", AGENT, NEW, *home]).exit_code == 1
    assert runner.invoke(app, ["stations", "release", NEW, *home]).exit_code == 1
    assert "Nic nie czeka" in runner.invoke(app, ["stations", "decisions", *home]).output
    with twice.context.sessions() as session:
        assert session.get_one(Agent, AGENT).replaced_by == NEW
