"""What stations may collect, and what they are asked to do: decisions, policies, commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from agent.wire import commands, policy
from agent.wire.categories import CATEGORIES
from agent.wire.limits import MAX_COMMANDS
from appliance.home import Home
from appliance.pki import ensure_pki, load_authority
from appliance.state.collecting import StationCommand
from appliance.state.models import Base, Operation
from appliance.stations import asked, collecting
from appliance.stations.notice import notice

ONE, OTHER = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made
    engine.dispose()


def names(off: tuple[policy.Off, ...]) -> set[str]:
    return {one.category for one in off}


def test_a_stations_own_decision_goes_before_that_for_all(session: Session) -> None:
    assert names(collecting.off_for(session, ONE)) == {"dns"}
    collecting.switch(session, "anna", "scripts", False, agent=None, now=5)
    collecting.switch(session, "anna", "dns", True, agent=None, now=6)
    collecting.switch(session, "jan", "scripts", True, agent=ONE, now=7)
    collecting.switch(session, "jan", "usb", False, agent=ONE, now=8)
    assert collecting.off_for(session, ONE) == (policy.Off("usb", "jan", 8),)
    assert collecting.off_for(session, OTHER) == (policy.Off("scripts", "anna", 5),)
    assert collecting.stations_apart(session) == [ONE]
    assert collecting.holding(session, ONE)["usb"].own
    collecting.switch(session, "jan", "usb", None, agent=ONE, now=9)
    collecting.switch(session, "jan", "scripts", None, agent=ONE, now=9)
    assert names(collecting.off_for(session, ONE)) == {"scripts"}
    assert collecting.stations_apart(session) == []


def test_each_decision_stands_in_the_operators_log(session: Session) -> None:
    collecting.switch(session, "anna", "logs", False, agent=ONE, now=5)
    (entry,) = session.query(Operation).all()
    assert (entry.who, entry.action, entry.target) == ("anna", "collection.switched", ONE)
    assert entry.detail == {"category": "logs", "collected": False}
    with pytest.raises(collecting.UnknownCategory):
        collecting.switch(session, "anna", "thoughts", False, agent=None, now=5)


def test_a_policy_goes_only_to_whom_it_is_news(session: Session, home: Home) -> None:
    ensure_pki(home, [], 1_790_000_000_000_000)
    authority, off = load_authority(home), collecting.off_for(session, ONE)
    wanted = collecting.policy_for(session, ONE, 2, 9)
    assert wanted == policy.Policy(ONE, 9, off, 3)
    assert collecting.policy_answer(authority, wanted, policy.digest(off)) == {}
    assert collecting.policy_answer(authority, wanted, "") == {}, "a sensor that obeys none"
    offered = collecting.policy_answer(authority, wanted, policy.digest(()))["policy"]
    assert policy.parse(offered["statement"]) == wanted
    highest = collecting.policy_for(session, ONE, policy.HIGHEST + 5, 9)
    assert policy.parse(highest.statement()) == highest
    asked.ask(session, "anna", ONE, "refresh", argument="posture", now=5)
    (order,) = asked.orders_for(session, authority, ONE, 6)
    assert commands.parse(order["statement"])[1:4] == (ONE, "refresh", "posture")


@pytest.mark.parametrize(
    ("kind", "argument"), [("slice", "CabcDEF0123456789"), ("shell", ""), ("refresh", "disk"), ("update", "x")]
)
def test_only_what_the_list_has_can_be_asked(session: Session, kind: str, argument: str) -> None:
    with pytest.raises(asked.NoCommand):
        asked.ask(session, "anna", ONE, kind, argument=argument, now=5)


def waiting(session: Session, home: Home, agent: str, now: int = 6) -> list[str]:
    orders = asked.orders_for(session, load_authority(home), agent, now)
    return [commands.parse(order["statement"]).argument for order in orders]


def test_a_command_waits_until_its_station_tells_of_it(session: Session, home: Home) -> None:
    ensure_pki(home, [], 1_790_000_000_000_000)
    first = asked.ask(session, "anna", ONE, "refresh", argument="posture", now=5)
    again = asked.ask(session, "jan", ONE, "refresh", argument="posture", now=6)
    session.flush()
    assert first.id == again.id
    asked.told(session, OTHER, [(first.id, "done")], 7)
    assert waiting(session, home, ONE) == ["posture"]
    asked.told(session, ONE, [(first.id, "done"), (99, "done")], 8)
    assert waiting(session, home, ONE) == []
    session.expire_all()
    assert (first.outcome, first.ended_at) == ("done", 8)
    asked.told(session, ONE, [(first.id, "refused")], 9)
    session.expire_all()
    assert first.outcome == "done"


def test_old_commands_end_and_few_go_at_once(session: Session, home: Home) -> None:
    ensure_pki(home, [], 1_790_000_000_000_000)
    for number in range(MAX_COMMANDS + 2):
        asked.ask(session, "anna", ONE, "update", argument=f"1.{number}", now=5)
    session.flush()
    assert waiting(session, home, ONE) == ["1.0", "1.1", "1.2", "1.3"]
    assert waiting(session, home, ONE, 6 + asked.PATIENCE) == []
    session.expire_all()
    assert {row.outcome for row in session.query(StationCommand)} == {"late"}


def test_the_notice_names_what_is_collected_and_what_is_not(session: Session) -> None:
    collecting.switch(session, "anna", "scripts", False, agent=None, now=5)
    text = notice("Urząd Gminy Przykładowo", collecting.holding(session, None))
    before, _, after = text.partition("3. Czego Urząd dziś nie zbiera")
    assert CATEGORIES["logons"].pl in before
    assert CATEGORIES["scripts"].pl in after
    assert "Urząd Gminy Przykładowo" in before
    assert all(mark in text for mark in ("[P]", "[W]", "[N]"))
