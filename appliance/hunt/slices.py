"""One hunt over its range in slices of time, the newest first.

A slice and what it found are written down together: what was done is not done again, and what a crash cuts off is done
once more from its beginning, which makes nothing twice. Events that the store shows have had their alerts made by the
pipeline, so the two never make the same one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.entity import text_of
from appliance.alerts.grouping import Hit, apply, unknown
from appliance.clock import DAY, HOUR, SECOND
from appliance.detect import Rule, RuleSet
from appliance.hunt.asked import huntable, tell
from appliance.hunt.hunt import Hunt, asked_for
from appliance.hunt.question import EVERYTHING
from appliance.hunt.undirected import undirected
from appliance.normalise import Event
from appliance.search import Node
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.hunts import HuntAlert, HuntRun, HuntState
from appliance.state.models import Alert, AlertEvent
from appliance.store import QueryStopped, QueryTimeout, QueryTooLarge, SegmentDamaged, Store, StoreUnavailable
from appliance.store.bounds import bounded

FIRST, LEAST, LARGEST = HOUR, SECOND, 30 * DAY
"""Microseconds of a slice: the first, the smallest, the largest."""
SHORT, LONG, TOO_LONG = 1.0, 5.0, 30.0
"""Seconds: after a slice that took less comes a wider one, after more a narrower one; past the last it is cut off."""
REST = 0.25
"""After a slice there is a rest of this share of the time that it took."""
LOOK = 1.0
"""Seconds between two looks whether the pipeline has caught up, or the store answers again."""
HITS_A_STATION, HITS_A_RULE = 100, 5000
"""New hits of one rule that become alerts, on one station and on all; further ones are counted. A station that hits
without end does not hide the others.
"""
MOST_ALERTED = 20_000
"""New hits that become alerts; a hunt that finds more ends."""
TOGETHER = 200
"""Hits that become alerts in one transaction: the pipeline writes alerts, too, and must not wait for long."""
TRIES = 5
"""How often in a row the store may not answer before a hunt is given up."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What hunts work with.

    `rules` are those in force, `store` opens a reader, `lagging` says that the pipeline has more to do than it should,
    `stop` is set when the process is to end, `clock` gives microseconds.
    """

    sessions: sessionmaker[Session]
    settings: Settings
    rules: Callable[[], RuleSet]
    store: Callable[[], Store]
    lagging: Callable[[], bool]
    stop: threading.Event
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a hunt ended. `reason` is a word of the catalogue, `detail` is for those who look closer."""

    state: HuntState
    reason: str = ""
    detail: str = ""


Station = tuple[str, str]
"""A rule's id and the name of a host that it hit."""


@dataclass(slots=True)
class Tally:
    """What a hunt has found so far, and how many hits it has made alerts of."""

    looked: int = 0
    hits: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    alerted: Counter[str] = field(default_factory=Counter)
    stations: Counter[Station] = field(default_factory=Counter)

    def copied(self) -> Tally:
        """Return one that counts on from here, with events looked at and hits from nothing."""
        return Tally(0, 0, Counter(self.by_rule), Counter(self.alerted), Counter(self.stations))

    def room(self, hits: Iterable[Hit]) -> list[Hit]:
        """Return the hits that may become alerts, and count them."""
        found: list[Hit] = []
        left = MOST_ALERTED - self.alerted.total()
        for hit in hits:
            rule, station = hit.rule.id, (hit.rule.id, text_of(hit.event, "host.name"))
            if len(found) < left and self.alerted[rule] < HITS_A_RULE and self.stations[station] < HITS_A_STATION:
                self.alerted[rule] += 1
                self.stations[station] += 1
                found.append(hit)
        return found


class Pass:
    """A hunt from where it is to its end, or until it is interrupted."""

    def __init__(self, tools: Tools, store: Store, row: HuntRun) -> None:
        self.tools, self.store, self.row = tools, store, row
        self.tally = Tally(row.looked, row.hits, Counter(row.by_rule), *self._alerted())
        self.hosts = frozenset(row.hosts)
        self.floor = self.end = row.since
        self.width, self.tries = FIRST, 0
        self._undirected: Node | None = None

    def run(self) -> Outcome | None:
        """Hunt; return how it ended, None when the process is to end before. Raises SQLAlchemyError."""
        wanted = set(self.row.rules)
        rules = [rule for name, rule in huntable(self.tools.rules()).items() if name in wanted]
        if not rules:
            return Outcome(HuntState.FAILED, "no_rules")
        hunt = Hunt.of(self.store, rules)
        self._undirected = undirected(rules)
        self._begin(rules)
        while self.end > self.floor:
            outcome = self._asked_to_end()
            if outcome is None and self.tools.stop.is_set():
                return None
            outcome = outcome or self._step(hunt)
            if outcome is not None:
                return outcome
        return Outcome(HuntState.DONE)

    def _begin(self, rules: list[Rule]) -> None:
        """Write down where the stored events of the range begin and end; one that goes on keeps what it has."""
        stats, scan = self.store.stats(), asked_for(rules) == EVERYTHING
        with writing(self.tools.sessions) as session:
            row = session.get_one(HuntRun, self.row.id)
            row.scan, row.missing = scan, len(set(row.rules)) - len(rules)
            if row.floor is None or row.done_from is None:
                oldest = row.until if stats.oldest is None else stats.oldest
                newest = row.since if stats.newest is None else stats.newest
                row.floor = min(row.until, max(row.since, oldest))
                row.done_from = max(row.floor, min(row.until, newest + 1))
            self.floor, self.end = row.floor, row.done_from
            tell(session, self.tools.clock())

    def _step(self, hunt: Hunt) -> Outcome | None:
        """Do one slice, or find out that it must be a narrower one; return how the hunt ended, if it did."""
        start, began = max(self.floor, self.end - self.width), time.monotonic()
        try:
            with bounded(TOO_LONG, self.tools.stop):
                self._slice(hunt, start, self.end)
        except (QueryStopped, SegmentDamaged):
            # What is damaged is set aside: the same slice again, without it.
            return None
        except (QueryTimeout, QueryTooLarge) as error:
            if self.end - start <= LEAST:
                return Outcome(HuntState.FAILED, "too_slow", str(error))
            self.width = max(LEAST, (self.end - start) // 8)
            return None
        except StoreUnavailable as error:
            self.tries += 1
            self.tools.stop.wait(LOOK)
            return Outcome(HuntState.FAILED, "store", str(error)) if self.tries >= TRIES else None
        took = time.monotonic() - began
        self.tries, self.end, self.width = 0, start, next_width(self.width, took)
        if self.tally.alerted.total() >= MOST_ALERTED:
            return Outcome(HuntState.FAILED, "too_many")
        self.tools.stop.wait(took * REST)
        return None

    def _asked_to_end(self) -> Outcome | None:
        """Say whether somebody wants it to end; while the pipeline has too much to do, wait here."""
        while True:
            with self.tools.sessions() as session:
                if session.get_one(HuntRun, self.row.id).stopped_by:
                    return Outcome(HuntState.STOPPED)
            if self.tools.stop.is_set() or not self.tools.lagging():
                return None
            self.tools.stop.wait(LOOK)

    def _slice(self, hunt: Hunt, start: int, end: int) -> None:
        """Look through a part of the range and write it down as done."""
        before, looked = self.tally, hunt.looked
        tally = before.copied()
        hits: list[Hit] = []
        for hit in self._hits(hunt, start, end):
            tally.by_rule[hit.rule.id] += 1
            hits.append(hit)
            if len(hits) >= TOGETHER:
                with writing(self.tools.sessions) as session:
                    self._alert(session, hits, tally)
                tally.hits += len(hits)
                hits = []
        undirected = self.store.count(self._undirected, start, end) if self._undirected else 0
        tally.looked, tally.hits = before.looked + hunt.looked - looked, before.hits + tally.hits + len(hits)
        with writing(self.tools.sessions) as session:
            self._alert(session, hits, tally)
            row = session.get_one(HuntRun, self.row.id)
            row.done_from, row.looked, row.hits, row.by_rule = start, tally.looked, tally.hits, dict(tally.by_rule)
            row.undirected += undirected
            tell(session, self.tools.clock())
        self.tally = tally

    def _hits(self, hunt: Hunt, start: int, end: int) -> Iterator[Hit]:
        for event, rules in hunt.run(start, end):
            if not self.hosts or self._of_hosts(event):
                yield from (Hit(rule, event) for rule in rules)

    def _of_hosts(self, event: Event) -> bool:
        return str(event.get("host.name", "")).lower() in self.hosts

    def _alert(self, session: Session, hits: list[Hit], tally: Tally) -> None:
        """Make alerts of the hits that have none yet, as far as there is room."""
        fresh = tally.room(unknown(session, hits))
        apply(session, fresh, self.tools.clock(), self.tools.settings, hunt=self.row.id)

    def _alerted(self) -> tuple[Counter[str], Counter[Station]]:
        """Return of how many events the hunt has made alerts, by rule and by rule and station."""
        query = (
            select(AlertEvent.rule_id, Alert.host, func.count())
            .join(HuntAlert, HuntAlert.alert_id == AlertEvent.alert_id)
            .join(Alert, Alert.id == AlertEvent.alert_id)
            .where(HuntAlert.hunt_id == self.row.id)
            .group_by(AlertEvent.rule_id, Alert.host)
        )
        rules, stations = Counter[str](), Counter[Station]()
        with self.tools.sessions() as session:
            for rule, host, count in session.execute(query):
                rules[rule] += count
                stations[rule, host] = count
        return rules, stations


def next_width(width: int, took: float) -> int:
    """Return how wide the next slice is, in microseconds, after one that took so many seconds."""
    if took < SHORT:
        return min(LARGEST, width * 2)
    return max(LEAST, width // 2) if took > LONG else width
