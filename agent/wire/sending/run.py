"""Puts a program that sends together and runs it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from agent import __version__
from agent.wire.commands import LOG_LEVEL, RENEW
from agent.wire.sending import hostinfo, memory, own, states
from agent.wire.sending.care import Care
from agent.wire.sending.home import AgentHome, Identity, InUse
from agent.wire.sending.kept_policy import KeptPolicy
from agent.wire.sending.keysecret import key_secret
from agent.wire.sending.listening import PATIENCE, Listener
from agent.wire.sending.orders import Duty, Orders
from agent.wire.sending.own_duties import Renewal, set_log_level
from agent.wire.sending.runner import Runner
from agent.wire.sending.sensor import Sensor
from agent.wire.sending.spool import KEEP_FREE, MAX_BYTES, Spool
from agent.wire.sending.spoolfile import SpoolFull
from agent.wire.sending.switches import Switches
from agent.wire.sending.uplink import Chores, Uplink
from agent.wire.sending.watchdog import Watchdog
from agent.wire.transport import TIMEOUT, Box, RetryLater, client_context

LOG = logging.getLogger(__name__)
_WORD = 64
"""Bytes that are kept of the last that a parent says."""


Sensors = Callable[[str], Sequence[Sensor]]
"""Returns the sensors to run, given the boot's id."""
Facts = Callable[[], Mapping[str, Any]]
"""Returns what a heartbeat says besides."""
_NONE: Mapping[str, Duty] = MappingProxyType({})
Answered = Callable[[Box], None]
"""Hears that the box has answered, over this connection."""


def _nothing(_box: Box) -> None:
    """Nobody wants to hear it."""


class Telling(NamedTuple):
    """What a program says and does beside its records."""

    facts: Facts
    duties: Mapping[str, Duty]
    station: bool
    answered: Answered
    listens: bool


def run(
    home: AgentHome,
    sensors: Sensors,
    facts: Facts = dict,
    duties: Mapping[str, Duty] = _NONE,
    *,
    station: bool = False,
    until_eof: bool = False,
    answered: Answered = _nothing,
    listens: bool = False,
) -> int:
    """Run until SIGTERM or SIGINT; return the exit code. `duties` are the kinds of commands that are obeyed.

    A `station` obeys the box's policy and reads less when it uses more than the agent's bounds (restraint.py).
    With `until_eof` the end of the standard input is an order to stop, too: the only one that a parent can give on
    Windows, and one that comes even when the parent dies. A word before it is the reason (own.py). Who `listens` hears
    of commands at once, at the price of a second connection; the others with the next heartbeat.
    """
    identity = home.identity()
    if identity is None:
        sys.stderr.write(
            f"Ten komputer nie jest zarejestrowany ({home.folder}). Użyj: {home.program.name} enrol TOKEN\n"
        )
        return 2
    try:
        lock = home.lock()
    except InUse:
        sys.stderr.write(
            f"W folderze {home.folder} działa już {home.program.name}. Zatrzymaj go albo podaj inny --home.\n"
        )
        return 1
    except OSError as error:
        sys.stderr.write(f"Nie można użyć folderu {home.folder}: {error.strerror}.\n")
        return 69
    memory.tame()
    try:
        spool = open_spool(home.spool)
        runner = _assembled(home, identity, spool, sensors, Telling(facts, duties, station, answered, listens))
        if until_eof:
            threading.Thread(target=_stop_at_eof, args=(runner,), name="until-eof", daemon=True).start()
        runner.run()
        spool.close()
    except SpoolFull as error:
        sys.stderr.write(f"Nie można pisać do {home.spool}: {error}. Zwolnij miejsce na dysku.\n")
        return 69
    finally:
        os.close(lock)
    return 0


def _stop_at_eof(runner: Runner) -> None:
    said = b""
    try:
        # Not through sys.stdin, whose lock this thread would hold when the interpreter ends.
        while piece := os.read(0, 4096):
            said = (said + piece)[-_WORD:]
    except OSError as error:
        LOG.warning("input_not_readable error=%s", error)
    runner.stop(own.told_reason(said))


def open_spool(path: Path) -> Spool:
    """Open the spool, within the bounds of the environment; raises SpoolFull."""
    limits = {
        "max_bytes": _bytes("CZUJKA_AGENT_SPOOL_BYTES", MAX_BYTES),
        "keep_free": _bytes("CZUJKA_AGENT_KEEP_FREE_BYTES", KEEP_FREE),
    }
    return Spool(path, **limits)


def _assembled(home: AgentHome, identity: Identity, spool: Spool, sensors: Sensors, telling: Telling) -> Runner:
    boot_id = hostinfo.boot_id()
    runner: Runner | None = None
    listener: Listener | None = None
    care = Care(Watchdog(home.folder), own_use=telling.station)
    policy = KeptPolicy(home) if telling.station else None
    switches = Switches(spool, policy) if policy is not None else None
    renewal = Renewal(home, identity)
    orders = Orders(home, {RENEW: renewal.ask, LOG_LEVEL: set_log_level, **telling.duties})

    def heartbeat() -> Mapping[str, Any]:
        assert runner is not None
        said = {**care.facts(), **orders.heartbeat(), **(policy.heartbeat() if policy else {})}
        return {**_heartbeat(spool, runner.states(), boot_id), **said, **telling.facts()}

    def connect(timeout: float = TIMEOUT) -> Box:
        try:
            context = client_context(home.ca, home.certificate, home.key, key_secret(home.key))
            return Box(identity.urls, context, timeout=timeout)
        except OSError as error:
            raise RetryLater(f"cannot use the certificate in {home.folder}: {error}") from error

    def obey(box: Box, answer: Mapping[str, Any]) -> None:
        telling.answered(box)
        if policy is not None and policy.take(answer) and runner is not None:
            runner.look_soon()
        news = orders.obey(box, answer)
        if listener is not None:
            listener.beaten(news=news)

    def settled() -> bool:
        return switches is None or switches.settled

    chores = Chores(heartbeat, renewal.renew, obey, care.watchdog.sending_turned, settled)
    uplink = Uplink(spool, connect, boot_id, chores)

    def tell(told: Sequence[Mapping[str, str]]) -> None:
        states.keep(home.folder, told, policy.now if policy is not None else None)

    runner = Runner(spool, sensors(boot_id), uplink, boot_id, care, switches=switches, tell=tell)
    if telling.listens:
        listener = Listener(lambda: connect(PATIENCE), uplink.beat)
        listener.start()
    LOG.info("agent_started agent_id=%s version=%s", identity.agent_id, __version__)
    return runner


def _heartbeat(spool: Spool, states: list[dict[str, str]], boot_id: str) -> dict[str, Any]:
    return {
        "hostname": hostinfo.hostname(),
        "os": hostinfo.system(),
        "version": __version__,
        "spooled": spool.depth,
        "sensors": states,
        "sent_at": time.time_ns() // 1000,
        "boot_id": boot_id,
    }


def _bytes(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else default
