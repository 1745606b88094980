"""Values between processes: whole, in order, without a wait for whoever reads, and nothing left open."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.pipeline.parcels import Parcels

LARGE = 4_000_000
ECHO = """
from appliance.pipeline.parcels import Parcels
import sys
side = Parcels.inherited(int(sys.argv[1]))
side.send(side.receive()[::-1])
"""


@pytest.fixture
def pair() -> Iterator[tuple[Parcels, Parcels]]:
    ours, theirs = Parcels.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def _open_handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_value_is_sent_before_anybody_reads_it(pair: tuple[Parcels, Parcels]) -> None:
    ours, theirs = pair
    values = [os.urandom(LARGE), {"empty": b""}, None]

    for value in values:
        ours.send(value)

    assert [theirs.receive() for _ in values] == values


def test_another_process_reads_and_answers(pair: tuple[Parcels, Parcels]) -> None:
    ours, theirs = pair
    command = [sys.executable, "-c", ECHO, str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        sent = os.urandom(LARGE)
        ours.send(sent)

        assert ours.receive() == sent[::-1]
        with pytest.raises(EOFError):
            ours.receive()
        assert process.wait() == 0


def test_the_other_side_has_ended(pair: tuple[Parcels, Parcels]) -> None:
    ours, theirs = pair
    ours.send("unread")
    theirs.close()

    with pytest.raises(ConnectionError):
        ours.send("lost")


def test_nothing_stays_open(pair: tuple[Parcels, Parcels]) -> None:
    ours, theirs = pair
    before = _open_handles()
    for number in range(50):
        ours.send(number)
        assert theirs.receive() == number

    assert _open_handles() == before


def test_nothing_stays_open_when_sending_fails(pair: tuple[Parcels, Parcels]) -> None:
    ours, theirs = pair
    theirs.close()
    before = _open_handles()

    with pytest.raises(ConnectionError):
        ours.send("lost")

    assert _open_handles() == before
