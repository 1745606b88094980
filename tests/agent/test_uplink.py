"""The sending side through outages, refusals and restarts, against a real TLS server."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.clocks import CLOCK_HEADER, TIME_HEADER, parse_measured
from agent.wire.envelope import BATCH_PATH
from agent.wire.sending.backoff import Backoff
from agent.wire.sending.spool import Spool, spooled
from agent.wire.sending.spoolfile import SpoolFull
from agent.wire.sending.uplink import BATCH_RECORDS, HEARTBEAT_EVERY, OUTAGE, Chores, Uplink
from agent.wire.transport import Box, RetryLater, client_context
from tests.agent.box import FakeBox, Handler
from tests.agent.conditions import until


class Latest(random.Random):
    """A chance that always chooses the latest moment."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Side:
    """An uplink with its box and spool."""

    def __init__(self, folder: Path) -> None:
        self.server = FakeBox(folder / "box")
        self.folder = folder
        self.files = self.server.client_files()
        self.renewals = 0
        self.spool = Spool(folder / "spool.db", keep_free=0)
        self.uplink = self.make()

    def make(self) -> Uplink:
        def connect() -> Box:
            return Box([self.server.url], client_context(self.server.folder / "ca.pem", *self.files), timeout=1.0)

        def renew(_box: Box) -> bool:
            self.renewals += 1
            return False

        return Uplink(
            self.spool, connect, "boot", Chores(lambda: {"spooled": self.spool.depth}, renew), Backoff(0.02, 0.1)
        )

    def add(self, first: int, count: int) -> None:
        self.spool.add([spooled({"n": number}, 1) for number in range(first, first + count)])
        self.uplink.wake()

    def got(self) -> list[int]:
        return [record["n"] for record in self.server.seen.records]


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    made = Side(tmp_path)
    yield made
    made.uplink.stop(2.0)
    made.spool.close()
    made.server.down()


def test_a_heartbeat_comes_at_once_and_records_follow(side: Side) -> None:
    side.uplink.start()
    until(lambda: side.server.seen.heartbeats)
    began = time.monotonic()
    side.add(0, 1)
    until(lambda: side.got() == [0])
    assert time.monotonic() - began < 3.0
    until(lambda: side.spool.depth == 0)


def test_an_outage_loses_and_doubles_nothing(side: Side) -> None:
    side.uplink.start()
    for round_ in range(4):
        side.add(round_ * 100, 50)
        side.server.down()
        side.add(round_ * 100 + 50, 50)
        side.server.up()
        until(lambda: side.spool.depth == 0)
    assert sorted(side.got()) == list(range(400))
    assert side.server.seen.conflicts == 0


def test_a_lost_acknowledgement_is_a_duplicate_not_a_second_copy(side: Side) -> None:
    lost: list[str] = []

    def hang_up(*_: object) -> None:
        raise ConnectionResetError

    def lose(handler: Handler, path: str) -> bool:
        if path == "/v1/batches" and not lost:
            lost.append(path)
            handler.reply = hang_up  # type: ignore[method-assign,assignment]
        return False

    side.server.fault = lose
    side.add(0, 10)
    side.uplink.start()
    until(lambda: side.spool.depth == 0)
    assert side.got() == list(range(10))
    assert side.server.seen.duplicates == 1
    assert side.server.seen.conflicts == 0


def test_retry_after_is_obeyed(side: Side) -> None:
    asked: list[float] = []

    def busy(handler: Handler, path: str) -> bool:
        asked.append(time.monotonic())
        if len(asked) > 1:
            return False
        handler.reply(429, b"{}", Retry_After="1")
        return True

    side.server.fault = busy
    side.add(0, 3)
    side.uplink.start()
    until(lambda: side.got() == [0, 1, 2])
    assert asked[1] - asked[0] >= 1.0


def test_what_failed_once_does_not_wait_for_the_next_heartbeat(side: Side) -> None:
    failed: list[str] = []

    def fail_once(handler: Handler, path: str) -> bool:
        if path != BATCH_PATH or failed:
            return False
        failed.append(path)
        handler.reply(503, b"{}")
        return True

    side.server.fault = fail_once
    side.add(0, 3)
    side.uplink.start()
    until(lambda: side.got() == [0, 1, 2], HEARTBEAT_EVERY / 2)
    assert len(side.server.seen.heartbeats) == 1


def test_one_refused_record_costs_only_itself(side: Side) -> None:
    side.spool.add([spooled({"n": number, **({"poison": True} if number == 13 else {})}, 1) for number in range(40)])
    side.uplink.start()
    until(lambda: side.spool.depth == 0)
    assert side.got() == [number for number in range(40) if number != 13]
    (gap,) = side.spool.gaps()
    assert (gap.cause, gap.lost) == ("refused_by_box", 1)


def test_a_refused_agent_keeps_its_records(side: Side) -> None:
    def revoked(handler: Handler, _path: str) -> bool:
        handler.reply(403, b'{"detail":"revoked"}')
        return True

    side.server.fault = revoked
    side.add(0, 5)
    side.uplink.start()
    until(lambda: side.uplink._last_complaint)
    assert side.spool.depth == 5
    assert "revoked" in side.uplink._last_complaint


def test_the_end_sends_what_is_left(side: Side) -> None:
    side.uplink.start()
    until(lambda: side.server.seen.heartbeats)
    side.add(0, 1200)
    assert side.uplink.stop(2.0)
    assert sorted(side.got()) == list(range(1200))


def test_the_end_does_not_wait_for_a_dead_box(side: Side) -> None:
    side.server.down()
    side.add(0, 1)
    side.uplink.start()
    until(lambda: side.uplink._last_complaint)
    began = time.monotonic()
    assert not side.uplink.stop(2.0)
    assert time.monotonic() - began < 4.0
    side.server.up()


def test_after_a_long_outage_what_is_new_goes_before_the_pile(side: Side) -> None:
    """All agents of an office come back at once: only their piles are spread, by chance."""
    side.add(0, BATCH_RECORDS + 100)
    side.uplink._away_since = time.monotonic() - 2 * OUTAGE
    side.uplink._chance = Latest()
    side.uplink.start()
    until(lambda: side.uplink._pile)
    side.add(5000, 3)
    until(lambda: side.got() == [5000, 5001, 5002])
    side.uplink._pile_until = 0.0
    side.add(6000, 1)
    until(lambda: side.spool.depth == 0)
    assert sorted(side.got()) == [*range(BATCH_RECORDS + 100), 5000, 5001, 5002, 6000]


def test_a_short_outage_or_a_small_pile_is_no_reason_to_wait(side: Side) -> None:
    side.add(0, 20)
    side.uplink._away_since = time.monotonic() - 2 * OUTAGE
    side.uplink._chance = Latest()
    side.uplink.start()
    until(lambda: side.spool.depth == 0)
    assert side.got() == list(range(20))


def test_a_clock_that_is_wrong_becomes_an_event_and_is_told_to_the_box(side: Side) -> None:
    said: list[str | None] = []

    def timed(handler: Handler, _path: str) -> bool:
        said.append(handler.headers[CLOCK_HEADER])
        headers, end = handler.send_header, handler.end_headers

        def ended() -> None:
            headers(TIME_HEADER, str(time.time_ns() // 1000 - 3600_000_000))
            end()

        handler.end_headers = ended  # type: ignore[method-assign]
        return False

    side.server.fault = timed
    side.uplink.start()
    until(lambda: side.server.seen.records)
    (event,) = side.server.seen.records
    assert (event["event.action"], event["event.module"]) == ("clock_skewed", "czujka.agent")
    assert -3601_000_000 < event["clock.offset"] < -3599_000_000
    assert abs(event["@timestamp"] - time.time_ns() // 1000) < 60_000_000
    measured = parse_measured(said[1])
    assert said[0] is None
    assert measured is not None
    assert abs(measured.offset + 3600_000_000) <= measured.rtt // 2 + 1_000


def test_a_disk_that_became_read_only_silences_nobody(side: Side) -> None:
    """SQLite says the same of a file system that was remounted: heartbeats go on, and what is spooled waits."""
    side.add(0, 5)
    side.spool._file.db.execute("PRAGMA query_only=ON")
    side.uplink.start()
    until(lambda: "readonly" in side.uplink._last_complaint)
    assert side.server.seen.heartbeats
    with pytest.raises(SpoolFull, match="readonly"):
        side.spool.add([spooled({"n": 9}, 1)])
    side.spool._file.db.execute("PRAGMA query_only=OFF")
    side.uplink.wake()
    until(lambda: side.spool.depth == 0)
    assert side.got() == list(range(5))


@given(st.integers(), st.integers(1, 40))
def test_the_wait_grows_within_its_bounds(seed: int, failures: int) -> None:
    backoff = Backoff(1.0, 300.0, random.Random(seed))
    waits = [backoff.failed() for _ in range(failures)]
    assert all(min(300.0, 2.0**n) / 2 <= wait <= min(300.0, 2.0**n) for n, wait in enumerate(waits))
    assert backoff.failed(7.0) >= 7.0
    backoff.worked()
    assert backoff.failed() <= 1.0


def test_what_the_box_asks_is_an_instruction() -> None:
    assert RetryLater("x", 3.0).seconds == 3.0
