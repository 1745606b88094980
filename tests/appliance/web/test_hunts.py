"""Hunts through the API and the pages: asked for, seen, stopped, planned, and what they found in the list of alerts."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from appliance.alerts.grouping import Hit, apply
from appliance.alerts.service import Actor
from appliance.clock import DAY, HOUR
from appliance.hunt import asked
from appliance.state.database import writing
from appliance.state.hunts import HuntOrigin, HuntPlan, HuntRun, HuntState, RuleSeen
from appliance.state.models import Operation, Role
from appliance.web.policy import Scope
from tests.appliance.alerts.conftest import hit
from tests.appliance.web.conftest import Party, TestBox


@pytest.fixture
def operator(box: TestBox) -> Party:
    return box.person(Role.OPERATOR)


@pytest.fixture
def since(box: TestBox) -> int:
    return box.context.now() - DAY


def hunts(box: TestBox) -> list[HuntRun]:
    with box.context.sessions() as session:
        return list(session.scalars(select(HuntRun).order_by(HuntRun.id)))


def test_a_hunt_is_asked_for_seen_and_stopped(box: TestBox, operator: Party, since: int) -> None:
    answer = box.post("/hunts", operator, {"since": since, "hosts": ["PC-7", "pc-7 "], "name": " Po urlopie "})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["state"], made["origin"], made["asked_by"]) == (
        "Po urlopie", "waiting", "person", "operator",
    )  # fmt: skip
    assert (made["rule_ids"], made["hosts"], made["progress"]) == ([box.rule], ["pc-7"], 0.0)
    assert since < made["until"] <= box.context.now()
    (listed,) = box.get("/hunts", box.token(Scope.HUNTS_READ)).json()["items"]
    assert listed["id"] == made["id"]
    stopped = box.post(f"/hunts/{made['id']}/stop", operator)
    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
    assert box.get(f"/hunts/{made['id']}", operator).json()["stopped_by"] == "operator"
    assert box.post(f"/hunts/{made['id']}/stop", operator).json()["code"] == "hunt_over"
    assert box.get("/hunts/99", operator).json()["code"] == "hunt_unknown"
    with box.context.sessions() as session:
        told = [(one.who, one.action) for one in session.scalars(select(Operation).order_by(Operation.id))]
    assert told == [("operator", "hunt.asked"), ("operator", "hunt.stopped")]


def test_a_hunt_of_one_rule_bears_its_name(box: TestBox, operator: Party, since: int) -> None:
    assert box.post("/hunts", operator, {"since": since, "rules": [box.rule]}).json()["name"] == "Reguła: Shell"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"rules": ["nobody"]}, "hunt_rule"),
        ({"rules": []}, "hunt_nothing"),
        ({"since": 10, "until": 10}, "hunt_nothing"),
        ({"since": 4_000_000_000_000_000}, "hunt_nothing"),
        ({"hosts": ["x"] * 101}, "invalid"),
        ({"name": "x" * 121}, "invalid"),
        ({"rules": ["x"] * 20_001}, "invalid"),
        ({"changed_since": 4_000_000_000_000_000}, "hunt_nothing"),
    ],
    ids=str,
)
def test_a_hunt_for_nothing_is_refused(box: TestBox, operator: Party, body: dict[str, object], code: str) -> None:
    answer = box.post("/hunts", operator, {"since": 1, **body})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert hunts(box) == []


def test_only_rules_that_changed_since_then(box: TestBox, operator: Party, since: int) -> None:
    with writing(box.context.sessions) as session:
        session.add(RuleSeen(rule_id=box.rule, digest="0" * 64, changed_at=since))
    assert box.post("/hunts", operator, {"since": 1, "changed_since": since}).status_code == 201
    assert box.post("/hunts", operator, {"since": 1, "changed_since": since + 1}).status_code == 422


def test_a_plan_is_made_seen_and_removed(box: TestBox, operator: Party) -> None:
    answer = box.post("/hunts/plans", operator, {"name": "Nocne", "weekday": 6, "hour": 4})
    assert answer.status_code == 201
    plan = answer.json()
    assert (plan["rules"], plan["weekday"], plan["hour"], plan["gaps"]) == ([], 6, 4, [])
    assert plan["upto"] < plan["next_at"] <= plan["upto"] + 7 * DAY + HOUR
    assert [one["id"] for one in box.get("/hunts/plans", operator).json()] == [plan["id"]]
    assert box.post(f"/hunts/plans/{plan['id']}/remove", operator).status_code == 200
    assert box.post(f"/hunts/plans/{plan['id']}/remove", operator).json()["code"] == "plan_unknown"
    assert box.get("/hunts/plans", operator).json() == []
    for bad in ({"name": ""}, {"name": "x", "hour": 24}, {"name": "x", "rules": []}, {"name": "x", "weekday": 7}):
        assert box.post("/hunts/plans", operator, bad).status_code == 422


@pytest.fixture
def found(box: TestBox, since: int) -> int:
    """A hunt that has made one alert."""
    with writing(box.context.sessions) as session:
        row = asked.ask(
            session, asked.Wish("Po urlopie", (box.rule,), since, since + DAY), Actor("ala"), box.context.now()
        )
        row.state, row.by_rule, row.hits = HuntState.DONE, {box.rule: 1001}, 1001
        one = hit(77, since, {"host.name": "PC-9"})
        rule = box.context.rules().rules[0]
        apply(session, [Hit(rule, one.event)], box.context.now(), box.context.settings, hunt=row.id)
        return row.id


def test_alerts_say_that_they_were_found_later_and_can_be_asked_for(box: TestBox, operator: Party, found: int) -> None:
    later = box.get("/alerts?found_later=true", operator).json()["items"]
    assert [(one["host"], one["hunt"]) for one in later] == [("PC-9", found)]
    assert [one["hunt"] for one in box.get("/alerts?found_later=false", operator).json()["items"]] == [None]
    assert box.get(f"/alerts?hunt={found}", operator).json()["items"] == later
    assert box.get(f"/hunts/{found}", operator).json()["alerts"] == 1
    for path, shown in (
        ("/alerty", ("PC-7", "PC-9")),
        ("/alerty?kiedy=pozniej", ("PC-9",)),
        ("/alerty?kiedy=od-razu", ("PC-7",)),
        (f"/alerty?poszukiwanie={found}", ("PC-9",)),
        ("/alerty?kiedy=nigdy&poszukiwanie=x", ("PC-7", "PC-9")),
    ):
        text = box.ask("GET", path, operator).text
        assert [host for host in ("PC-7", "PC-9") if f">{host} " in text] == list(shown)
        assert ("znalezione później</b> (Po urlopie)" in text) == ("PC-9" in shown)
    number = later[0]["id"]
    assert f'<a href="/poszukiwania/{found}">Po urlopie</a>' in box.ask("GET", f"/alerty/{number}", operator).text


def test_the_page_of_a_hunt_shows_what_it_found(box: TestBox, operator: Party, found: int) -> None:
    text = box.ask("GET", f"/poszukiwania/{found}", operator).text
    for words in ("Po urlopie", "PC-9", "skończone", "5000 nowych trafień", "100 na jednej stacji", "na życzenie"):
        assert words in text
    assert "Zatrzymaj poszukiwanie" not in text
    live = box.ask("GET", f"/poszukiwania/{found}/na-zywo", operator).text
    assert "<html" not in live
    assert "PC-9" in live
    assert "skończone" in box.ask("GET", "/poszukiwania/na-zywo", operator).text
    assert box.ask("GET", "/poszukiwania/99", operator).status_code == 404


FORM = {"first": "2026-01-02", "last": "2026-01-03", "which": "all", "hosts": "PC-1, pc-2"}


def test_the_form_starts_a_hunt(box: TestBox, operator: Party) -> None:
    answer = box.ask("POST", "/poszukiwania/nowe", operator, data=FORM)
    assert answer.status_code == 303
    (row,) = hunts(box)
    assert answer.headers["location"] == f"/poszukiwania/{row.id}?ok=hunt_asked"
    assert (row.until - row.since, row.hosts, row.rules) == (2 * DAY, ["pc-1", "pc-2"], [box.rule])
    stopped = box.ask("POST", f"/poszukiwania/{row.id}/zatrzymaj", operator)
    assert stopped.status_code == 303
    again = box.ask("POST", f"/poszukiwania/{row.id}/zatrzymaj", operator)
    assert (again.status_code, "już się skończyło" in again.text) == (409, True)


def test_the_form_plans_further_hunts(box: TestBox, operator: Party) -> None:
    form = FORM | {"again": "2", "hour": "5", "which": "some", "rule": box.rule, "name": "Środa"}
    assert box.ask("POST", "/poszukiwania/nowe", operator, data=form).status_code == 303
    with box.context.sessions() as session:
        (plan,) = session.scalars(select(HuntPlan)).all()
    assert (plan.name, plan.weekday, plan.hour, plan.rules) == ("Środa", 2, 5, [box.rule])
    text = box.ask("GET", "/poszukiwania", operator).text
    assert "w\u00a0środy, godzina 5:00" in text
    assert "jeszcze nie było" in text
    assert box.ask("POST", f"/poszukiwania/plany/{plan.id}/usun", operator).status_code == 303
    assert "w\u00a0środy" not in box.ask("GET", "/poszukiwania", operator).text


@pytest.mark.parametrize(
    "bad",
    [
        {"first": "jutro"},
        {"first": "0001-01-01", "last": "0001-01-01"},
        {"last": "9999-12-31", "first": "9999-12-31"},
        {"first": "2026-02-01"},
        {"which": "some"},
        {"which": "some", "rule": "nobody"},
        {"tekst": "żadna taka"},
        {"again": "8"},
        {"again": "codziennie", "hour": "99"},
        {"name": "x" * 200},
    ],
    ids=str,
)
def test_a_form_for_nothing_comes_back_with_what_was_written(
    box: TestBox, operator: Party, bad: dict[str, str]
) -> None:
    answer = box.ask("POST", "/poszukiwania/nowe", operator, data=FORM | bad)
    assert answer.status_code == 422
    assert "Nie ma czego szukać" in answer.text or "Ta reguła nie działa" in answer.text
    assert 'value="PC-1, pc-2"' in answer.text
    assert hunts(box) == []
    with box.context.sessions() as session:
        assert session.scalars(select(HuntPlan)).all() == []


def test_the_form_offers_rules_by_words_level_tactic_and_change(box: TestBox, operator: Party, since: int) -> None:
    with writing(box.context.sessions) as session:
        session.add(RuleSeen(rule_id=box.rule, digest="0" * 64, changed_at=since))
    for ask, there in (
        ("", True),
        ("tekst=SHELL", True),
        ("tekst=linux&poziom=3", True),
        ("poziom=4", False),
        ("cel=execution", False),
        ("zmienione=2020-01-01", True),
        ("zmienione=9998-01-01", False),
        ("zmienione=nigdy&poziom=x&cel=y", True),
    ):
        text = box.ask("GET", f"/poszukiwania/nowe?{ask}", operator).text
        assert (f'value="{box.rule}"' in text) == there, ask


def test_hunts_by_a_plan_and_by_themselves_say_so(box: TestBox, operator: Party, since: int) -> None:
    with writing(box.context.sessions) as session:
        plan = HuntPlan(name="Co noc", rules=[], hosts=[], hour=3, asked_by="ala", asked_at=since, upto=since)
        session.add(plan)
        session.flush()
        for origin, plan_id in ((HuntOrigin.PLAN, plan.id), (HuntOrigin.CHANGE, None)):
            wish = asked.Wish("x", (box.rule,), since, since + DAY, origin=origin, plan_id=plan_id)
            asked.ask(session, wish, Actor("czujka"), since)
    assert "według planu: Co noc" in box.ask("GET", "/poszukiwania/1", operator).text
    assert "samoczynnie: reguły nowe albo zmienione" in box.ask("GET", "/poszukiwania/2", operator).text
