"""`czujka-agent selftest`: does what the agent needs work on this computer? Changes nothing that stays."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from agent import __version__
from agent.what import REASONS
from agent.wire.sending import hostinfo
from agent.wire.sending.enrolment import CA_PATH
from agent.wire.sending.files import free_bytes, write_private
from agent.wire.sending.home import AgentHome
from agent.wire.sending.keysecret import key_secret
from agent.wire.sending.sensor import Sensor
from agent.wire.transport import Box, Permanent, RetryLater, client_context

_MEANT = frozenset({"sensor.reason.policy", "sensor.reason.journal_in_use", "sensor.reason.rounds_only"})
"""Why a sensor may be off or limited on a computer that is as it should be."""
_ELSEWHERE = frozenset({"sensor.reason.no_journal", "sensor.reason.no_journalctl"})
"""The same where log files are read in the journal's place."""


class Check(NamedTuple):
    """One thing that was tried: its name for programs, for people, whether it works, and what was seen."""

    name: str
    pl: str
    works: bool
    seen: str


def checks(home: AgentHome, sensors: list[Sensor]) -> Iterator[Check]:
    """Try everything, cheap things first; a fault of one leaves the others alone."""
    for name, text, attempt in (
        ("home", "folder agenta: zapis i odczyt", _home),
        ("spool", "bufor zdarzeń", _spool),
        ("key", "klucz i certyfikat", _key),
        ("box", "połączenie z Czujką", _box),
    ):
        yield _tried(name, text, attempt, home)
    yield from _sensors(sensors)
    if sys.platform == "win32":
        from agent.sensors.windows.selfcheck import channel_states  # noqa: PLC0415 (on Windows alone)

        for channel, state in channel_states():
            yield Check(f"channel.{channel}", f"kanał {channel}", state in ("read", "missing", "off"), state)


def _sensors(sensors: list[Sensor]) -> Iterator[Check]:
    """Tell of each sensor; one that is off because another reads the same, or as somebody wishes, is no fault."""
    found = {sensor.about: sensor.availability() for sensor in sensors}
    on = {about.name for about, (state, _) in found.items() if state == "on"}
    for about, (state, reason) in found.items():
        meant = reason in _MEANT or (reason in _ELSEWHERE and "logfile" in on)
        seen = (
            REASONS.get(reason, reason) or {"on": "działa", "limited": "działa częściowo", "off": "nie działa"}[state]
        )
        yield Check(f"sensor.{about.name}", about.pl, state == "on" or meant, seen)


def _tried(name: str, text: str, attempt: Callable[[AgentHome], str], home: AgentHome) -> Check:
    try:
        return Check(name, text, works=True, seen=attempt(home))
    except (OSError, sqlite3.Error, RetryLater, Permanent, LookupError) as error:
        return Check(name, text, works=False, seen=f"{type(error).__name__}: {error}"[:300])


def _home(home: AgentHome) -> str:
    probe = home.folder / "selftest"
    sample = os.urandom(16)
    try:
        write_private(probe, sample)
        if probe.read_bytes() != sample:
            raise OSError("the file does not hold what was written")
    finally:
        probe.unlink(missing_ok=True)
    return f"{home.folder}, {free_bytes(home.folder) >> 20} MiB free"


def _spool(home: AgentHome) -> str:
    if not home.spool.exists():
        return "none yet"
    database = sqlite3.connect(f"file:{home.spool.as_posix()}?mode=ro", uri=True, timeout=5.0)
    try:
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        (waiting,) = database.execute("SELECT count(*) FROM records").fetchone()
    finally:
        database.close()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    return f"{waiting} records wait"


def _key(home: AgentHome) -> str:
    client_context(home.ca, home.certificate, home.key, key_secret(home.key))
    if key_secret(home.key):
        return "encrypted for this machine"
    mode = stat.S_IMODE(home.key.stat().st_mode)
    if mode & 0o077:
        raise PermissionError(f"others may use the key: its mode is {mode:04o} and not 0600")
    return f"protected by its mode, {mode:04o}; against a copy of the disk only by the disk's encryption"


def _box(home: AgentHome) -> str:
    identity = home.identity()
    if identity is None:
        raise LookupError("not enrolled")
    with Box(identity.urls, client_context(home.ca, home.certificate, home.key, key_secret(home.key))) as box:
        box.fetch(CA_PATH)
    return f"reached as {identity.agent_id}"


def run(home: AgentHome, sensors: list[Sensor], *, as_json: bool) -> int:
    """Try everything and print it; return 0 when all works, else 1."""
    found = list(checks(home, sensors))
    if as_json:
        about = {"version": __version__, "system": hostinfo.system(), "python": sys.version.split()[0]}
        told = {**about, "checks": [check._asdict() for check in found]}
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    else:
        lines = [f"  [{'działa' if check.works else 'NIE DZIAŁA'}] {check.pl}: {check.seen}" for check in found]
        sys.stdout.write("\n".join(lines) + "\n")
    return 0 if all(check.works for check in found) else 1
