"""Bytes made to cost time: whatever fills a message, a parser's work grows with their number, not with its square."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from itertools import islice, product

import pytest

from collector.protocols.model import Protocol
from collector.protocols.registry import PROTOCOLS
from tests.collector.protocols.talk import ALLOWED, Talk, talks
from tests.collector.protocols.test_registry import MODULES

FILLERS = (
    b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n ", b":", b";", b",", b".", b"=", b"&", b"?", b"/", b"\\", b"@", b"%",
    b"<", b">", b"(", b"()", b'"', b"*", b"{1}", b"\0", b"\1", b"\xff", b"0", b"a", b"a ", b"a:b\r\n", b"\x30\x80",
)  # fmt: skip
SEGMENT = 1448
FULL = 60_000
CPU = 0.4
"""Seconds for FULL bytes, of which a parser takes a few milliseconds."""
WORTH = 0.04
"""Seconds from which on it is looked at how they grow: four times as many bytes take less than nine times as long."""


FOLDERS = {protocol.name: name for name, protocol in MODULES.items()}


def _placed(talk: Talk) -> Iterator[tuple[int, int]]:
    """Yield where fillers are put: turns by number, each at its end and about its first words."""
    for number, (_, data) in enumerate(talk.turns[:2]):
        words = [found.end() for found in islice(re.finditer(rb"[^A-Za-z0-9]+", data[:200]), 2)]
        yield from ((number, place) for place in sorted({*words, *(end + 1 for end in words), len(data)}))


def _cost(protocol: Protocol, talk: Talk, place: tuple[int, int], filler: bytes) -> float:
    """Return the CPU seconds that a turn takes with a filler put into it."""
    number, at = place
    parser = protocol.open(talk.flow)
    for who, said in talk.turns[:number]:
        list(parser.feed(who, 5, said))
    side, turn = talk.turns[number]
    data = turn[:at] + filler + turn[at:]
    size = SEGMENT if talk.flow.transport == "tcp" else len(data)
    began = time.process_time()
    with contextlib.suppress(*ALLOWED):
        protocol.recognises(side, data[:size])
        for first in range(0, len(data), size):
            list(parser.feed(side, 5, data[first : first + size]))
        # It is also what a packet brings at which reading is taken up again.
        list(parser.lost(side, 5))
        list(parser.feed(side, 6, data))
    with contextlib.suppress(*ALLOWED):
        list(parser.close(7))
    return time.process_time() - began


def _filled(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda one: one.name)
def test_no_filler_costs_more_than_its_length(protocol: Protocol) -> None:
    for talk in _few(protocol):
        for place, unit in product(_placed(talk), FILLERS):
            cost = _cost(protocol, talk, place, _filled(unit, FULL // 4))
            assert cost < CPU, (talk.name, place, unit)
            whole = _cost(protocol, talk, place, _filled(unit, FULL))
            assert whole < CPU, (talk.name, place, unit)
            assert whole < WORTH or whole < 9 * cost, (talk.name, place, unit)


def _few(protocol: Protocol) -> list[Talk]:
    """Return a conversation of each transport: the one that goes on longest."""
    longest = sorted(talks(FOLDERS[protocol.name]), key=lambda talk: len(talk.turns))
    return list({talk.flow.transport: talk for talk in longest}.values())
