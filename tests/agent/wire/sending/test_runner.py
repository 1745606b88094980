"""The main loop over sensors that fail: what one does costs the others nothing."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agent.wire.sending import runner as runner_module
from agent.wire.sending.care import Care
from agent.wire.sending.runner import Runner
from agent.wire.sending.sensor import About, Availability, Gap, Item, Reading
from agent.wire.sending.spool import Spool
from agent.wire.sending.uplink import Chores, Uplink
from agent.wire.sending.watchdog import Watchdog
from agent.wire.transport import Box, RetryLater
from tests.agent.conditions import until


class Source:
    """A sensor that opens, or fails to as long as it has a fault, and has one record then."""

    def __init__(self, name: str, fault: Exception | None = None) -> None:
        self.about = About(name, name, name)
        self.fault = fault
        self._pair: tuple[socket.socket, socket.socket] | None = None

    def availability(self) -> Availability:
        return Availability("on")

    def open(self, _bookmarks: Mapping[str, str]) -> list[Item]:
        if self.fault is not None:
            raise self.fault
        self._pair = socket.socketpair()
        return [Reading({"event.module": self.about.name})]

    def fileno(self) -> int:
        return self._pair[0].fileno() if self._pair is not None else -1

    def say(self) -> None:
        """Have another record."""
        assert self._pair is not None
        self._pair[1].send(b"x")

    def read(self) -> list[Item]:
        assert self._pair is not None
        try:
            self._pair[0].recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        return [Reading({"event.module": f"{self.about.name} again"})]

    def wait(self) -> float | None:
        return None

    def tick(self) -> list[Item]:
        return []

    def finish(self) -> list[Item]:
        return []

    def close(self) -> None:
        for end in self._pair or ():
            end.close()
        self._pair = None


def nobody() -> Box:
    raise RetryLater("there is no box")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool.db", keep_free=0)
    yield made
    made.close()


@pytest.mark.parametrize("fault", [struct.error("short"), RuntimeError("no"), AssertionError(), OSError("gone")])
def test_a_sensor_that_cannot_be_opened_ends_nothing(
    spool: Spool, tmp_path: Path, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_GAPS_AFTER", 0.0)
    uplink = Uplink(spool, nobody, "boot", Chores(dict, lambda _box: False))
    care = Care(Watchdog(tmp_path), own_use=False)
    bad = Source("bad", fault)
    loop = Runner(spool, [bad, Source("good")], uplink, "boot", care)
    states: list[list[dict[str, str]]] = []

    def found(text: str) -> bool:
        batch = spool.batch("boot", 1000, 1 << 20)
        if batch is not None:
            spool.acknowledged(batch)
            lines.extend(batch.lines)
        return any(text.encode() in line for line in lines)

    def stop() -> None:
        until(lambda: found('"good"'), 20, "the other sensor")
        states.append(loop.states())
        bad.fault = None
        until(lambda: found('"bad"'), 20, "another try")
        if not isinstance(fault, OSError):
            until(lambda: found("sensor_restarted:bad"), 20, "the loss")
        loop.stop("test")

    lines: list[bytes] = []
    stopper = threading.Thread(target=stop)
    stopper.start()
    assert loop.run() == "test"
    stopper.join()
    assert states[0][0] == {"name": "bad", "state": "off", "reason": "sensor.reason.failed"}
    assert states[0][1]["state"] == "on"


def test_a_loss_that_is_told_later_holds_no_record_back(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_GAPS_AFTER", 600.0)
    spool.add([], (), [Gap("audit_overflow", 3, 1, 2)])
    source = Source("good")
    uplink = Uplink(spool, nobody, "boot", Chores(dict, lambda _box: False))
    loop = Runner(spool, [source], uplink, "boot", Care(Watchdog(tmp_path), own_use=False))

    def say() -> None:
        until(lambda: spool.depth, 20, "the first record")
        before = spool.depth
        source.say()
        with contextlib.suppress(AssertionError):  # told below
            until(lambda: spool.depth > before, 8, "the next record")
        depths.append(spool.depth - before)
        loop.stop("test")

    depths: list[int] = []
    sayer = threading.Thread(target=say)
    sayer.start()
    loop.run()
    sayer.join()
    assert depths == [1]
