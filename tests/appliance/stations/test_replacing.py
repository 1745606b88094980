"""Machines that enrolled again: by which marks they are offered, and what a decision does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY, MINUTE
from appliance.state.database import writing
from appliance.state.models import Agent, AgentState, Operation
from appliance.stations import sink
from appliance.stations.replacing import CROWD, OVERLAP, Mark, NotOffered, keep_both, offers, replace
from tests.appliance.stations.telling import START, Machine

NOW = START + 30 * DAY
OLD, NEW, THIRD = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
SERIAL, CARD = "PF-3X9QZT", "f8:75:a4:01:02:03"
Sessions = sessionmaker[Session]


def station(session: Session, identity: str, enrolled: int, seen: int | None, **more: Any) -> Agent:
    values = {"hostname": f"pc-{identity[-1]}", "certificate": identity, "expires_at": NOW + DAY}
    agent = Agent(id=identity, enrolled_at=enrolled, seen_at=seen, **values | more)
    session.add(agent)
    session.flush()
    return agent


def hardware(session: Session, identity: str, serial: str = "", card: str = "") -> None:
    told = Machine("hardware", identity).round(
        machine={"device.serial_number": serial, "device.model.name": "ThinkPad"},
        **{"card:eth0": {"inventory.name": "eth0", "inventory.mac": [card]}} if card else {},
    )
    sink.take(session, told, START)


def pair(session: Session, *, seen: int | None = NOW - DAY, **more: Any) -> None:
    """An old station that fell silent before the new one came."""
    station(session, OLD, START, seen, **more)
    station(session, NEW, NOW, NOW + DAY, **more)


def marks(session: Session) -> list[tuple[str, str, tuple[Mark, ...], bool]]:
    return [(one.old.id, one.new.id, one.marks, one.differs) for one in offers(session)]


@pytest.mark.parametrize(
    ("more", "old", "new", "found", "differs"),
    [
        ({"hostname": "SEKRETARIAT"}, {}, {}, (Mark.NAME,), False),
        ({"machine": "a" * 64}, {}, {}, (Mark.MACHINE,), False),
        ({}, {"serial": SERIAL}, {"serial": f" {SERIAL.lower()} "}, (Mark.SERIAL,), False),
        ({}, {"card": CARD}, {"card": CARD.upper().replace(":", "-")}, (Mark.CARD,), False),
        ({}, {"serial": SERIAL, "card": CARD}, {"serial": SERIAL, "card": CARD}, (Mark.SERIAL, Mark.CARD), False),
        ({"hostname": "kadry"}, {"serial": SERIAL}, {"serial": "OTHER-17"}, (Mark.NAME,), True),
    ],
    ids=["name", "system", "serial", "card", "both", "another machine of that name"],
)
def test_a_silent_station_is_offered_for_the_new_one_by_each_mark(
    sessions: Sessions, more: dict[str, Any], old: dict[str, str], new: dict[str, str],
    found: tuple[Mark, ...], differs: bool,
) -> None:  # fmt: skip
    with sessions() as session:
        pair(session, **more)
        hardware(session, OLD, **old)
        hardware(session, NEW, **new)
        assert marks(session) == [(OLD, NEW, found, differs)]


@pytest.mark.parametrize(
    ("serial", "card"),
    [("Default string", ""), ("To Be Filled By O.E.M.", ""), ("00000000", ""), ("", "02:42:ac:11:00:02"),
     ("", "00:00:00:00:00:00"), ("", "01:00:5e:00:00:fb"), ("", "zz:zz"), ("", "ff:ff:ff:ff:ff:ff")],
)  # fmt: skip
def test_marks_that_every_machine_has_are_none(sessions: Sessions, serial: str, card: str) -> None:
    with sessions() as session:
        pair(session)
        for identity in (OLD, NEW):
            hardware(session, identity, serial, card)
        assert marks(session) == []


def test_a_mark_that_a_crowd_shares_says_nothing(sessions: Sessions) -> None:
    with sessions() as session:
        pair(session, hostname="szkolenia")
        for number in range(CROWD - 2):
            station(session, f"00000000-0000-4000-8000-0000000001{number:02}", NOW + number, NOW, hostname="szkolenia")
        assert marks(session)
        station(session, THIRD, NOW + DAY, NOW + DAY, hostname="szkolenia")
        assert marks(session) == []


def test_who_is_heard_beside_the_new_one_is_another_machine(sessions: Sessions) -> None:
    with sessions() as session:
        pair(session, seen=NOW + OVERLAP, hostname="kasa")
        assert marks(session)
        session.get_one(Agent, OLD).seen_at = NOW + OVERLAP + MINUTE
        assert marks(session) == []


def test_after_two_installations_each_old_one_is_offered_for_the_newest(sessions: Sessions) -> None:
    with sessions() as session:
        pair(session, hostname="kasa")
        session.get_one(Agent, NEW).seen_at = NOW + DAY
        station(session, THIRD, NOW + 2 * DAY, NOW + 3 * DAY, hostname="KASA")
        assert [(old, new) for old, new, _, _ in marks(session)] == [(OLD, THIRD), (NEW, THIRD)]


def test_a_replaced_station_keeps_its_history_and_points_to_the_new_one(sessions: Sessions) -> None:
    with writing(sessions) as session:
        pair(session, hostname="kasa")
        hardware(session, OLD, SERIAL)
        replace(session, "anna", OLD, NEW, NOW + DAY)
    with sessions() as session:
        old = session.get_one(Agent, OLD)
        assert (old.state, old.replaced_by, old.seen_at) == (AgentState.REPLACED, NEW, NOW - DAY)
        assert marks(session) == []
        (entry,) = session.query(Operation).filter(Operation.action == "agent.replaced")
        assert (entry.who, entry.target, entry.detail["by"], entry.detail["marks"]) == ("anna", OLD, NEW, ["name"])
        with pytest.raises(NotOffered):
            replace(session, "anna", OLD, NEW, NOW)


def test_two_machines_stay_two_and_are_not_asked_about_again(sessions: Sessions) -> None:
    with writing(sessions) as session:
        pair(session, hostname="kasa")
        keep_both(session, "anna", OLD, NEW, NOW + DAY)
    with sessions() as session:
        assert session.get_one(Agent, OLD).state == AgentState.ACTIVE
        assert marks(session) == []
        assert session.query(Operation).filter(Operation.action == "agent.kept_both").count() == 1
        station(session, THIRD, NOW + 2 * DAY, NOW + 3 * DAY, hostname="kasa")
        assert (OLD, THIRD) in [(old, new) for old, new, _, _ in marks(session)]


@pytest.mark.parametrize(("old", "new"), [(NEW, OLD), (OLD, OLD), (OLD, THIRD), ("x", NEW)])
def test_nobody_decides_on_a_pair_that_is_not_offered(sessions: Sessions, old: str, new: str) -> None:
    with sessions() as session:
        pair(session, hostname="kasa")
        for act in (replace, keep_both):
            with pytest.raises(NotOffered):
                act(session, "anna", old, new, NOW)
        assert session.get_one(Agent, OLD).state == AgentState.ACTIVE
