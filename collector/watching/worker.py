"""One of several processes that share the flows of the cards: it tells what it sees to the process that started it."""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from agent.wire.sending.memory import settle
from collector.heads.head import Entry
from collector.protocols.model import Flow
from collector.settings import Settings
from collector.slices.claim import Claim
from collector.watching.alone import Alone
from collector.watching.model import Totals

ALIVE = 1.0
"""Seconds after which a worker that sees nothing says that it lives."""
JOIN, FINISH = "join", "finish"
"""What a worker is told when it is to listen at the cards, and when nothing more is to be read."""


class Word(NamedTuple):
    """What a worker says: what it saw, its totals, an error that ended it (errno, text), whether that was all."""

    entries: list[Entry]
    totals: Totals
    error: tuple[int, str] | None = None
    last: bool = False


class Flagged(NamedTuple):
    """What a worker is told of a flow of its own that an analyser noticed: it keeps all of it from then on."""

    uid: str
    flow: Flow


def work(to: Connection, interfaces: Sequence[str], settings: Settings, groups: Sequence[int]) -> None:
    """Watch from when told to join until told to finish, or until whoever started this is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they may come to all at once; who started this decides
        signal.signal(number, signal.SIG_IGN)
    watching = Alone(interfaces, settings, groups=groups)
    try:
        if to.recv() != JOIN:
            return
    except (EOFError, ConnectionResetError):
        return
    try:
        watching.open()
    except OSError as error:
        to.send(Word([], Totals(), (error.errno or 0, str(error))))
        return
    settle()
    try:
        _watch(to, watching)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    finally:
        watching.close()


def _watch(to: Connection, watching: Alone) -> None:
    to.send(Word([], watching.totals()))
    said = time.monotonic()
    while True:
        ready, _, _ = select.select([watching.fileno(), to.fileno()], [], [], ALIVE)
        if to.fileno() in ready and not _obeyed(to, watching):
            to.send(Word([*watching.read(), *watching.finish()], watching.totals(), last=True))
            return
        found = watching.read() if watching.fileno() in ready else []
        found += [entry for entry in watching.tick() if isinstance(entry, Entry)]
        if found or time.monotonic() - said >= ALIVE:
            to.send(Word(found, watching.totals()))
            said = time.monotonic()


def _obeyed(to: Connection, watching: Alone) -> bool:
    """Do what this worker was told; False when it is to finish."""
    while to.poll():
        told = to.recv()
        if told == FINISH:
            return False
        if isinstance(told, Claim):
            watching.claimed(told)
            continue
        assert isinstance(told, Flagged)
        watching.flag(*told)
    return True
