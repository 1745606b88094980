"""A sender hears at once of a command that waits, against a real TLS server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.wire.envelope import HEARTBEAT_PATH, WAIT_PATH
from agent.wire.sending.backoff import Backoff
from agent.wire.sending.listening import EVERY, NOTHING_NEW, Listener
from agent.wire.sending.spool import Spool
from agent.wire.sending.uplink import HEARTBEAT_EVERY, Chores, Uplink
from agent.wire.transport import Box, client_context
from tests.agent.box import FakeBox, Handler
from tests.agent.conditions import until


class Side:
    """An uplink that listens; the box calls when `waits` is set, and each heartbeat takes what waits."""

    def __init__(self, folder: Path) -> None:
        self.server = FakeBox(folder / "box")
        self.files = self.server.client_files()
        self.waits, self.asked, self.takes = threading.Event(), 0, True
        self.server.answers = {WAIT_PATH: self.held, HEARTBEAT_PATH: self.beaten}
        self.spool = Spool(folder / "spool.db", keep_free=0)
        self.uplink = Uplink(
            self.spool, self.connect, "boot", Chores(dict, lambda _box: False, self.obey), Backoff(0.02, 0.1)
        )
        self.rests: list[float] = []
        self.over = False
        self.listener = Listener(self.connect, self.uplink.beat, self.rest)

    def rest(self, seconds: float) -> bool:
        self.rests.append(seconds)
        time.sleep(0.01)
        return self.over

    def connect(self) -> Box:
        return Box([self.server.url], client_context(self.server.folder / "ca.pem", *self.files), timeout=5.0)

    def held(self, _asked: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        return {"waiting": self.waits.wait(5)}

    def beaten(self, _beat: dict[str, Any]) -> dict[str, Any]:
        waited = self.waits.is_set()
        if self.takes:
            self.waits.clear()
        return {"new": waited and self.takes}

    def obey(self, _box: Box, answer: Any) -> None:
        self.listener.beaten(news=answer["new"])

    @property
    def beats(self) -> int:
        return len(self.server.seen.heartbeats)


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    side = Side(tmp_path)
    side.uplink.start()
    until(lambda: side.beats == 1)
    side.listener.start()
    yield side
    side.over = True
    side.uplink.stop(2.0)
    side.waits.set()
    side.listener.beaten(news=True)
    side.server.down()
    side.spool.close()


def test_a_command_brings_a_heartbeat_at_once_each_time(side: Side) -> None:
    began = time.monotonic()
    for number in (2, 3):
        until(lambda: side.asked > 0)
        side.waits.set()
        until(lambda number=number: side.beats == number)  # type: ignore[misc]
        until(lambda: not side.waits.is_set())
    assert time.monotonic() - began < HEARTBEAT_EVERY


def test_a_call_that_brings_nothing_new_is_not_asked_for_at_once_again(side: Side) -> None:
    side.takes = False
    side.waits.set()
    until(lambda: side.beats == 2 and side.rests)
    assert side.rests[0] == NOTHING_NEW


def test_requests_are_a_second_apart_whatever_the_box_answers(side: Side) -> None:
    side.server.answers[WAIT_PATH] = lambda _asked: {"waiting": "yes"}
    side.waits.set()
    until(lambda: len(side.rests) > 2)
    assert all(0.5 < seconds <= EVERY for seconds in side.rests[1:])


def test_a_box_that_is_away_is_asked_again(side: Side) -> None:
    refusals: list[str] = []

    def refuses(handler: Handler, path: str) -> bool:
        if path != WAIT_PATH or len(refusals) == 2:
            return False
        refusals.append(path)
        if len(refusals) == 1:
            handler.reply(503, b"{}", Retry_After="0")
        else:
            handler.connection.shutdown(socket.SHUT_RDWR)
        return True

    side.server.fault = refuses
    side.waits.set()
    until(lambda: side.beats == 2 and len(refusals) == 2)
    assert len(side.rests) >= 2


def test_a_box_that_knows_no_such_question_is_seldom_asked(side: Side) -> None:
    def knows_nothing(handler: Handler, path: str) -> bool:
        if path == WAIT_PATH:
            handler.reply(404, b"{}")
        return path == WAIT_PATH

    side.server.fault = knows_nothing
    side.waits.set()
    until(lambda: any(seconds > 300 for seconds in side.rests))
