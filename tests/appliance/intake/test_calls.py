"""Who holds a request at the real gateway hears at once that a command waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from agent.wire.commands import RENEW
from agent.wire.envelope import WAIT_PATH
from appliance import clock
from appliance.intake.calls import Calls
from appliance.intake.replies import Refused
from appliance.slices import asked
from appliance.stations.asked import ask
from tests.appliance.intake.box import NUMBERS, Answer, Box, Station, until

CALLED = {"waiting": True}
QUIET = {"waiting": False}


@contextmanager
def holding(box: Box, station: Station) -> Iterator[list[Answer]]:
    """Hold a request of a station; what is yielded has the answer after the end."""
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(box.call(station, WAIT_PATH, {})))
    thread.start()
    yield answers
    thread.join(20)
    assert not thread.is_alive()


def wants_slice(box: Box, station: Station) -> None:
    event = {"zeek.uid": "CabcDEF0123456789", "agent.id": station.id, "event.id": "0" * 32}
    with Session(box.engine) as session, session.begin():
        asked.ask(session, event, "anna", clock.now())


def wants_renewal(box: Box, station: Station) -> None:
    with Session(box.engine) as session, session.begin():
        ask(session, "anna", station.id, RENEW, argument="", now=clock.now())


@pytest.mark.parametrize("wants", [wants_slice, wants_renewal])
def test_a_command_answers_the_request_of_its_addressee(box: Box, station: Station, wants: object) -> None:
    assert callable(wants)
    other = box.station(next(NUMBERS))
    with holding(box, other) as others:
        with holding(box, station) as own:
            wants(box, station)
        assert (own[0][:2], others) == ((200, CALLED), [])
        wants(box, other)
    assert others[0][:2] == (200, CALLED)
    # What waits already is said at once.
    assert box.call(station, WAIT_PATH, {})[:2] == (200, CALLED)


def test_a_station_holds_one_request_and_only_its_own(box: Box, station: Station) -> None:
    with holding(box, station) as older:
        until(lambda: box.call(station, WAIT_PATH, b"[]")[0] == 400)
        with holding(box, station) as newer:
            until(lambda: bool(older))
            wants_slice(box, station)
    assert (older[0][:2], newer[0][:2]) == ((200, QUIET), (200, CALLED))
    assert box.call(box.importer(), WAIT_PATH, {})[0] == 403
    assert box.call(None, WAIT_PATH, {})[0] == 401


async def never() -> dict[str, object]:
    """Receive nothing: a client that stays."""
    await asyncio.Event().wait()
    return {}


def test_no_more_are_held_than_the_bound_and_those_who_leave_make_room() -> None:
    asyncio.run(_bound())


async def _bound() -> None:
    left = asyncio.Event()

    async def leaves() -> dict[str, object]:
        await left.wait()
        return {"type": "http.disconnect"}

    calls = Calls(lambda _agents: set(), most=2)
    first, second = asyncio.create_task(calls.hold("a", leaves)), asyncio.create_task(calls.hold("b", never))
    await asyncio.sleep(0)
    with pytest.raises(Refused) as refused:
        await calls.hold("c", never)
    assert refused.value.status == 503
    left.set()
    assert await first is False
    third = asyncio.create_task(calls.hold("c", never))
    await asyncio.sleep(0)
    calls.end()
    assert [await second, await third, await calls.hold("d", never)] == [False, False, False]


def test_a_request_ends_after_a_while_and_faults_of_the_database_are_survived() -> None:
    asked: list[object] = []

    def answers(agents: object) -> set[str]:
        asked.append(agents)
        if len(asked) == 1:
            raise OperationalError("select", {}, Exception("database is locked"))
        return {"b", "z"}

    assert asyncio.run(Calls(answers, seconds=0.01).hold("a", never)) is False
    asked.clear()
    assert asyncio.run(Calls(answers).hold("b", never)) is True
    assert len(asked) == 2


def test_a_gateway_that_ends_answers_first(box: Box, station: Station) -> None:
    second = box.station(next(NUMBERS))
    with holding(box, station) as answers, holding(box, second) as others:
        wants_slice(box, second)
        until(lambda: bool(others))  # the first came before, and is held
        assert box.stop() == 0
    assert answers[0][:2] == (200, QUIET)
