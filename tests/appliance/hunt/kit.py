"""A small store, small rules, and what runs hunts over them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.service import Actor
from appliance.clock import DAY, HOUR, SECOND
from appliance.detect import RuleSet, load_rules
from appliance.hunt import asked
from appliance.hunt.asked import Wish
from appliance.hunt.running import Ended, Hunter
from appliance.hunt.slices import Tools
from appliance.normalise import Event
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.hunts import HuntAlert, HuntRun
from appliance.state.models import Alert
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.shape import encode
from tests.appliance.rulesets.kit import NOW, rule_text, started, uuid, write

ANNA = Actor("anna", 1)


def event(number: int, at: int, image: str = "/bin/sh", host: str = "PC-7", **more: str) -> Event:
    """A process start that arrived when it happened."""
    times = {"@timestamp": at, "event.ingested": at}
    return started(number, **times, **{"host.name": host, "process.executable": image}, **more)


@dataclass
class Office:
    """A store with events, rules, and hunts over them."""

    folder: Path
    sessions: sessionmaker[Session]
    settings: Settings = field(default_factory=Settings)
    stop: threading.Event = field(default_factory=threading.Event)
    now: int = NOW
    lagging: Callable[[], bool] = lambda: False

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def keep(self, events: Sequence[Event]) -> None:
        store = EmbeddedStore(self.store)
        store.append(encode(events), [], store.applied() + 1)
        store.close()

    def rules(self) -> RuleSet:
        return load_rules([self.folder / "rules"])

    def put_rules(self, *numbers: int, image: str = "/sh", **more: str) -> None:
        write(self.folder / "rules", {f"{number}.yml": rule_text(number, image, **more) for number in numbers})

    def hunter(self, ended: Ended = lambda _session, _row, _now: None) -> Hunter:
        opened = partial(EmbeddedReader, self.store)
        tools = Tools(self.sessions, self.settings, self.rules, opened, self.lagging, self.stop, lambda: self.now)
        return Hunter(tools, ended)

    def ask(self, *numbers: int, since: int = NOW - 2 * DAY, until: int = NOW, hosts: Sequence[str] = ()) -> int:
        wish = Wish("Próba", tuple(map(uuid, numbers)), since, until, tuple(hosts))
        with writing(self.sessions) as session:
            return asked.ask(session, wish, ANNA, self.now).id

    def hunt(self, number: int) -> HuntRun:
        with self.sessions() as session:
            return asked.get(session, number)

    def later(self) -> list[Alert]:
        """The alerts that hunts have made, by the times of their events."""
        with self.sessions() as session:
            query = select(Alert).join(HuntAlert, HuntAlert.alert_id == Alert.id).order_by(Alert.first_event_at)
            return list(session.scalars(query))


def day_of_events() -> list[Event]:
    """Two days with a shell every six hours, on two stations in turn, and other programs between."""
    shells = [event(n, NOW - 2 * DAY + n * 6 * HOUR, host=("PC-7", "PC-8")[n % 2]) for n in range(8)]
    others = [event(100 + n, NOW - 2 * DAY + n * HOUR + SECOND, "/bin/ls") for n in range(48)]
    return [*shells, *others]
