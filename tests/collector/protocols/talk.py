"""Conversations as the sensor feeds them, and what every parser must survive.

A fixture `data/NAME/*.talk` is text: `> HEX` is what the originator sent, `< HEX` what the responder sent, one
datagram or segment a line; `= tcp 50123 445` names the transport and the ports; `#` begins a comment.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from collector.protocols.model import Conversation, Flow, Log, Malformed, Protocol, Side

DATA = Path(__file__).parent / "data"
ALLOWED = (Malformed, IndexError, struct.error, UnicodeError, ValueError)
Turn = tuple[Side, bytes]


@dataclass(frozen=True)
class Talk:
    """One conversation."""

    name: str
    flow: Flow
    turns: tuple[Turn, ...]

    def __str__(self) -> str:
        return self.name


def flow_of(transport: str, orig_p: int, resp_p: int) -> Flow:
    return Flow("192.168.10.31", orig_p, "192.168.10.5", resp_p, transport)


def read(file: Path) -> Talk:
    transport, orig_p, resp_p = "tcp", 50123, 1
    turns: list[Turn] = []
    for line in file.read_text("utf-8").splitlines():
        sign, _, rest = line.partition(" ")
        if sign == "=":
            transport, *ports = rest.split()
            orig_p, resp_p = map(int, ports)
        elif sign in {">", "<"}:
            turns.append((Side.ORIG if sign == ">" else Side.RESP, bytes.fromhex(rest)))
    return Talk(file.stem, flow_of(transport, orig_p, resp_p), tuple(turns))


def talks(name: str) -> list[Talk]:
    found = [read(file) for file in sorted((DATA / name).glob("*.talk"))]
    assert found, f"no fixture of {name}"
    return found


def run(protocol: Protocol, flow: Flow, turns: Iterable[Turn], *, close: bool = True) -> list[Log]:
    """Feed a conversation as the sensor does: a millisecond a turn, until nothing more is wanted."""
    parser, at = protocol.open(flow), 1_000_000
    logs: list[Log] = []
    for side, data in turns:
        if parser.done:
            break
        logs += parser.feed(side, at, data)
        at += 1000
    return [*logs, *parser.close(at)] if close else logs


def logs_of(protocol: Protocol, talk: Talk) -> list[dict[str, object]]:
    return [{"_path": log.path, **log.fields} for log in run(protocol, talk.flow, talk.turns)]


def survives(parser: Conversation, turns: Iterable[Turn]) -> None:
    """Whatever the bytes are: only the exceptions that a parser may raise, and no secret of the fixtures in a log."""
    told: list[Log] = []
    with contextlib.suppress(*ALLOWED):
        for side, data in turns:
            told += parser.feed(side, 5, data)
        told += parser.close(6)
    assert "Tajne" not in repr(told)


def damaged(protocol: Protocol, talk: Talk, bits: bytes = b"\x08\xff\x80\x01") -> None:
    """Cut every turn at every byte, and flip bits of every byte of its first 600; in bounded time."""
    started = time.process_time()
    parser = protocol.open(talk.flow)
    for number, (side, data) in enumerate(talk.turns):
        if parser.done:
            break
        # The state before this turn, to begin from again and again.
        state = pickle.dumps(parser)
        for size in range(min(len(data), 600)):
            survives(pickle.loads(state), [(side, data[:size])])
            wrong = bytearray(data)
            wrong[size] ^= bits[size % 4]
            survives(pickle.loads(state), [(side, bytes(wrong)), *talk.turns[number + 1 : number + 3]])
        parser.feed(side, 5, data)
    assert time.process_time() - started < 60


def in_pieces(protocol: Protocol, talk: Talk, size: int) -> list[dict[str, object]]:
    """What is told when each segment comes in pieces of `size` bytes."""
    turns = [(side, data[at : at + size]) for side, data in talk.turns for at in range(0, len(data), size)]
    return [{"_path": log.path, **log.fields} for log in run(protocol, talk.flow, turns)]
