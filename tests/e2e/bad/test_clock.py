"""A clock that jumps back a day under a running box: nothing waits for yesterday to pass again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.bad.tools import alerts_of, cleared, still_works, stored
from tests.e2e.box import Box, wait_for

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY = 86_400
SetClock = Callable[[int], None]


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> tuple[SetClock, dict[str, str]]:
    """A wall clock that can be set, for every process that gets the environment; the monotonic clock stays true."""
    assert LIBRARIES, "apt-get install -y faketime"
    path = tmp_path_factory.mktemp("clock") / "offset"

    def set_clock(seconds: int) -> None:
        draft = path.with_suffix(".new")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(path)

    set_clock(0)
    environment = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(path),
        "FAKETIME_CACHE_DURATION": "1",
        "NO_FAKE_STAT": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    return set_clock, environment


@pytest.fixture(scope="module")
def moved(clock: tuple[SetClock, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("moved"), environment=clock[1]) as box:
        yield box


def test_a_clock_that_jumps_back_a_day_holds_nothing_up(moved: Box, clock: tuple[SetClock, dict[str, str]]) -> None:
    still_works(moved)
    roles = {role["role"]: role["pid"] for role in moved.get("status")["roles"]}
    sender = moved.sender()
    clock[0](-DAY)
    jumped = time.time_ns() // 1000 - DAY * 1_000_000
    # Each process notices within a second; some record waits for its flush just then.
    for number in range(30):
        sender.send(f"przy-{number}", [cleared("przy", number)])
        time.sleep(0.05)
    wait_for("what waited is stored", lambda: stored(moved, "host.name:przy") == 30, 10)
    wait_for("every role says that it lives, by the new clock", lambda: _beats_after(moved, jumped), 15)
    sender.send("po", [cleared("po")])
    wait_for("what came later is stored", lambda: stored(moved, "host.name:po") == 1, 30)
    (alert,) = alerts_of(moved, "po")
    assert abs(alert["created_at"] - jumped) < 60_000_000
    wait_for("its mail has left", lambda: _mailed(moved, alert["id"]), 10)
    assert {role["role"]: role["pid"] for role in moved.get("status")["roles"]} == roles
    assert moved.get("health")["status"] == "ok"
    still_works(moved)
    sender.close()


def test_and_forward_again(moved: Box, clock: tuple[SetClock, dict[str, str]]) -> None:
    clock[0](0)
    still_works(moved)
    moved.wait_ready(60)
    sender = moved.sender()
    assert sender.send("po", [cleared("po")])["duplicate"]
    sender.close()
    assert stored(moved, "host.name:po") == 1


def _beats_after(box: Box, moment: int) -> bool:
    roles = box.get("status")["roles"]
    return all(moment <= role["beat_at"] < moment + 3_600_000_000 for role in roles)


def _mailed(box: Box, alert: int) -> bool:
    return any(one["state"] == "delivered" for one in box.get(f"alerts/{alert}/deliveries"))
