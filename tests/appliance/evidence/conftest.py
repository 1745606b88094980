"""A box with a store, a state database and a chain, and a clock that the test moves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx
import pytest
from sqlalchemy.orm import Session, sessionmaker

from agent.wire.event import event_id
from appliance.clock import DAY, HOUR, MINUTE
from appliance.evidence.check import Asked, Found, check
from appliance.evidence.keeper import Keeper
from appliance.evidence.keys import key_file, load_key
from appliance.evidence.ledger import Ledger
from appliance.evidence.plain import event_digest
from appliance.home import Home
from appliance.normalise.model import Event, Value
from appliance.settings import EvidenceSettings, Office, Settings
from appliance.state.database import open_sessions, writing
from appliance.state.models import Alert, AlertEvent, AlertHistory, Operation
from appliance.store import EmbeddedStore
from appliance.store.classes import ORDINARY
from appliance.store.elastic.mapping import index_name
from appliance.store.elastic.whole import WholeIndices
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import encode
from tests.appliance.state.fresh import fresh_state
from tests.appliance.store.elastic.conftest import FIRST
from tests.nodes.clusters import settings_for
from tests.nodes.node import Node

_numbers = count()

NOW = 20_000 * DAY + 10 * 60 * MINUTE
"""Ten in the morning of a day in October 2024, UTC."""


@dataclass
class Box:
    """What the tests of evidence work with."""

    home: Home
    sessions: sessionmaker[Session]
    settings: Settings
    now: int = NOW
    made: int = 0
    store: EmbeddedStore = field(init=False)
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.store = EmbeddedStore(self.home.store, now=lambda: self.now)
        self.keeper = Keeper(self.home, self.settings, self.sessions, lambda: self.now)

    def append(self, count: int, **fields: Value) -> list[Event]:
        """Store some events, a segment a call."""
        events: list[Event] = [
            {"event.id": event_id(self.made + n), "@timestamp": self.now + n, "host.name": "PC-1", **fields}
            for n in range(count)
        ]
        self.made += count
        self.store.append(encode(events), [], 0)
        self.now += MINUTE
        self.store.describe(math.inf)
        return events

    def alert(self, events: list[Event]) -> int:
        """Raise an alert over some events and let somebody close it."""
        with writing(self.sessions) as session:
            alert = Alert(
                rule_id="r1", title="Próba", level=3, entity="PC-1", host="PC-1", first_event_at=self.now,
                last_event_at=self.now, created_at=self.now, updated_at=self.now,
            )  # fmt: skip
            session.add(alert)
            session.flush()
            for event in events:
                row = AlertEvent(alert_id=alert.id, rule_id="r1", event_id=event["event.id"], event={})
                row.digest = event_digest(event)
                row.event_at = int(str(event["@timestamp"]))
                session.add(row)
            for who, action in (("czujka", "created"), ("anna", "acknowledged"), ("anna", "closed")):
                detail = {"reason": "test <b>"} if action == "closed" else {}
                session.add(AlertHistory(alert_id=alert.id, at=self.now, who=who, action=action, detail=detail))
            session.add(Operation(at=self.now, who="anna", action="sign_in", target="10.0.0.1", detail={}))
            return alert.id

    def kinds(self) -> list[str]:
        """The kinds of all entries, in order."""
        with Ledger(self.home.evidence) as ledger:
            return [entry["kind"] for entry in ledger.of_kind(*KINDS)]

    def check(self, **asked: object) -> Found:
        """Check the box as `czujka verify` does."""
        return check(self.home, self.sessions, Asked(**asked))  # type: ignore[arg-type]

    def faults(self, **asked: object) -> list[str]:
        """What is wrong, as it is told."""
        return [str(fault) for fault in self.check(**asked).faults]

    @property
    def key(self) -> str:
        """The fingerprint of the key in force."""
        return load_key(key_file(self.home)).fingerprint


KINDS = (
    "key", "configuration", "rules", "alert", "decision", "alert_events", "operation", "segment", "replaced",
    "deletion", "lost", "anchor", "went_back",
)  # fmt: skip


@pytest.fixture
def box(home: Home, tmp_path: Path) -> Iterator[Box]:
    (tmp_path / "share").mkdir()
    settings = Settings(office=Office(name="Gmina Łąki"), evidence=EvidenceSettings(folder=tmp_path / "share"))
    engine = fresh_state(settings.database(home))
    made = Box(home, open_sessions(engine), settings)
    yield made
    made.store.close()
    engine.dispose()


@pytest.fixture
def node(nodes: dict[str, Node]) -> Node:
    found = nodes[FIRST]
    found.ready()
    return found


class Afar:
    """A box whose events are in a cluster: forty of two hours, sealed."""

    def __init__(self, box: Box, node: Node, name: str) -> None:
        self.box, self.settings = box, settings_for(node, name)
        self.refused: list[object] = []
        self.store = ElasticStore(
            self.settings, box.home.spool, lambda *one: self.refused.append(one), lambda: box.now, background=False
        )
        self.index = index_name(self.settings.index, NOW, ORDINARY)

    def put(self, *numbers: int, at: int = NOW, **fields: int | str) -> None:
        events: list[Event] = [
            {"event.id": f"{n:032x}", "@timestamp": at, "event.ingested": at, "host.name": "PC-1", **fields}
            for n in numbers
        ]
        self.store.append(encode(events), [], 0)

    def seal(self) -> None:
        self.box.now = NOW + 3 * HOUR
        self.box.keeper.round()

    def check(self, **asked: int) -> Found:
        whole = Asked(events=True, **asked)  # type: ignore[arg-type]
        return check(self.box.home, self.box.sessions, whole, lambda: WholeIndices(self.settings))

    def faults(self) -> list[str]:
        return [str(fault) for fault in self.check().faults]


@pytest.fixture
def afar(box: Box, node: Node) -> Iterator[Afar]:
    made = Afar(box, node, f"seal-{next(_numbers)}")
    made.put(*range(20))
    made.put(*range(20, 40), at=NOW + HOUR)
    made.store.flush()
    yield made
    made.store.close()


@pytest.fixture
def http(node: Node) -> Iterator[httpx.Client]:
    with node.http() as client:
        yield client
