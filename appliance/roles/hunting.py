"""The hunts of the jobs' process: one at a time, in a thread that runs when nothing else wants to."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session, sessionmaker

import rules
from appliance.clock import SECOND, now
from appliance.deliver import outbox
from appliance.deliver.texts import Writer
from appliance.home import Home
from appliance.hunt import asked
from appliance.hunt.changes import Follower
from appliance.hunt.plans import due
from appliance.journal import Journal
from appliance.roles.content import mark
from appliance.rulesets import ActiveRules, active_rules
from appliance.rulesets.watch import folder_stamps
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.hunts import HuntRun
from appliance.store import open_reader

if TYPE_CHECKING:
    from appliance.hunt.running import Hunter
    from appliance.store import Store

LAG = 10 * SECOND
"""While the oldest batch of the journal has waited for longer, hunts wait."""
NICE = 19
log = structlog.get_logger()


@dataclass
class Hunting:
    """What hunts need of the box. `writer` writes the message about what one has found."""

    home: Home
    settings: Settings
    sessions: sessionmaker[Session]
    writer: Writer
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Run the hunts that wait, one after another."""
        with self.sessions() as session:
            if not asked.waiting(session):
                return
        behind()
        while not self.stop.is_set() and self._hunter.turn():
            pass

    def follow(self) -> None:
        """Let rules that have changed look through the past."""
        # Where no hunt has room, the rules are looked at again until one has.
        with suppress(asked.HuntsFull):
            self._follower.look()

    def plan(self) -> None:
        """Ask for the hunts whose time has come."""
        with self.sessions() as session:
            waiting = due(session, now())
        if waiting:
            ruleset = self._rules()
            with writing(self.sessions) as session:
                due(session, now(), ruleset)

    @cached_property
    def _hunter(self) -> Hunter:
        from appliance.hunt.running import Hunter  # noqa: PLC0415 - it brings the matcher, which takes memory
        from appliance.hunt.slices import Tools  # noqa: PLC0415 - as above

        tools = Tools(self.sessions, self.settings, self._rules, self._store, self._lagging, self.stop, now)
        return Hunter(tools, self._ended)

    @cached_property
    def _follower(self) -> Follower:
        watch = mark(self.home, self.settings, self.sessions)
        return Follower(self.sessions, self.settings, _with_shipped(watch), self._rules, self._empty, now)

    def _rules(self) -> ActiveRules:
        return active_rules(self.home, self.settings, self.sessions)

    def _store(self) -> Store:
        return open_reader(self.home, self.settings)

    def _empty(self) -> bool:
        with closing(self._store()) as store:
            return store.stats().events == 0

    def _lagging(self) -> bool:
        with closing(Journal(self.home.journal, self.settings.journal.max_bytes)) as journal:
            oldest = journal.depth().oldest_received_at
        return oldest is not None and now() - oldest > LAG

    def _ended(self, session: Session, row: HuntRun, moment: int) -> None:
        """Put one message about everything that a hunt has found into the outbox, where that is worth one."""
        count = asked.made_by(session, [row], self.settings.min_level).get(row.id, 0)
        if count:
            letter = self.writer.hunted(row.id, row.name, count)
            parts = {"name": f"hunt-{row.id}", "subject": letter.subject, "body": letter.body}
            outbox.post(session, parts, outbox.targets(self.settings), moment)


def _with_shipped(watch: Callable[[], object]) -> Callable[[], str]:
    """Return the mark of the rules in force, with the files that the product brings: a new version changes them."""
    shipped = [folder_stamps(rules.ROOT / name) for name in ("sigma", "correlation", "lists")]
    return lambda: repr((watch(), shipped))


def behind() -> None:
    """Let everything else that runs on this machine go before this thread."""
    # On Linux a niceness belongs to a thread.
    thread = threading.get_native_id()
    if os.getpriority(os.PRIO_PROCESS, thread) < NICE:
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
