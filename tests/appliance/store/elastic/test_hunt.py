"""Rules over the shared corpora: the stream and hunts in either store make the same alerts, by their ids."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

import rules
from appliance.alerts.grouping import Hit, apply
from appliance.detect import Engine, Rule, RuleSet, load_rules
from appliance.detect.selftest import EVENTS, SOURCE
from appliance.hunt.hunt import Hunt
from appliance.normalise import Event, normalise
from appliance.settings import Settings
from appliance.state.database import open_sessions
from appliance.state.models import AlertEvent
from appliance.store import EmbeddedReader, EmbeddedStore, Store
from appliance.store.shape import encode
from tests.appliance.detect.corpus import FOLDERS, rule_folders, sample_events
from tests.appliance.state.fresh import fresh_state
from tests.appliance.store.conftest import NOW
from tests.appliance.store.elastic.conftest import Pair

pytestmark = [pytest.mark.nodes, pytest.mark.corpora]
SEED = 20261122
TOGETHER = (8, 8, 8, 16)
"""Rules that are hunted together: a few are asked for narrowly, many by a wider question."""
EVERY = 5
"""Of the events of our rules' own tests each fifth: the corpora are all there."""
ALL = os.environ.get("CZUJKA_HUNTED") == "all"
"""Whether every rule of SigmaHQ and ours that has events is hunted, which takes long."""
BATCH, APART = 500, 1000
"""Events of one step of the stream, and microseconds from one event to the next."""
SLICE = 4000 * APART
Alerts = dict[tuple[str, str], int]
"""(rule, event) → the number of its alert."""


def _events(corpora: Path) -> list[Event]:
    lines = [line for file in sorted(EVENTS.rglob("*.ndjson")) for line in file.read_bytes().splitlines() if line]
    made = [
        *(event for _, event in sample_events(corpora)),
        *(normalise(line, SOURCE) for line in lines[:: 1 if ALL else EVERY]),
    ]
    return [{**event, "event.id": f"{n:032x}", "@timestamp": n * APART} for n, event in enumerate(made)]


def _theirs(corpora: Path) -> list[Path]:
    """Return where the rules of SigmaHQ are: all, or those for which there are events to test them with."""
    if ALL:
        return rule_folders(corpora)
    home = corpora / "sigmahq"
    tested = (told.parent for folder in FOLDERS for told in (home / "regression_data" / folder).rglob("info.yml"))
    named = (home / one.relative_to(home / "regression_data").with_suffix(".yml") for one in tested)
    return sorted(path for path in named if path.is_file())


def _chosen(found: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Yield the rules in the portions in which they are hunted."""
    shuffled = random.Random(SEED).sample(list(found), len(found))
    at = 0
    while at < len(shuffled):
        for many in TOGETHER:
            if shuffled[at : at + many]:
                yield shuffled[at : at + many]
            at += many
        if not ALL:
            return


class Box:
    """A state database with alerts."""

    def __init__(self, path: Path) -> None:
        self.sessions: sessionmaker[Session] = open_sessions(fresh_state(f"sqlite:///{path}"))

    def take(self, hits: Sequence[Hit]) -> list[int]:
        """Make alerts of hits; return the numbers of those that gained an event."""
        with self.sessions.begin() as session:
            return apply(session, hits, NOW, Settings())

    def alerts(self, chosen: Sequence[Rule]) -> Alerts:
        """Return the alerts of some rules."""
        with self.sessions() as session:
            asked = select(AlertEvent).where(AlertEvent.rule_id.in_([rule.id for rule in chosen]))
            return {(row.rule_id, row.event_id): row.alert_id for row in session.scalars(asked)}

    def close(self) -> None:
        self.sessions.kw["bind"].dispose()


def _streamed(chosen: Sequence[Rule], events: Sequence[Event]) -> Iterator[list[Hit]]:
    with closing(Engine(RuleSet(list(chosen), []))) as engine:
        for at in range(0, len(events), BATCH):
            part = events[at : at + BATCH]
            matched = zip(part, engine.match_many(part), strict=True)
            yield [Hit(rule, event) for event, found in matched for rule in found]


def _hunted(store: Store, chosen: Sequence[Rule], end: int) -> list[Hit]:
    """Hunt slice by slice of time, as the box does: a question about everything may take too long."""
    hunt = Hunt.of(store, chosen)
    slices = (hunt.run(at, at + SLICE) for at in range(0, end, SLICE))
    return [Hit(rule, event) for found in slices for event, matched in found for rule in matched]


def test_stream_and_hunts_make_the_same_alerts(pair: Pair, corpora: Path, tmp_path: Path) -> None:
    events = _events(corpora)
    rows = encode(events)
    with closing(EmbeddedStore(tmp_path / "store")) as store:
        store.append(rows, [], 1)
    pair.store.append(rows, [], 1)
    pair.store.flush()
    assert pair.reader.count("") == len(rows)
    every = load_rules([rules.ROOT / "sigma", *_theirs(corpora)]).rules
    streams = list(_streamed(every, events))
    seen = {hit.rule.id for hits in streams for hit in hits}
    found = 0
    with (
        closing(EmbeddedReader(tmp_path / "store")) as embedded,
        closing(Box(tmp_path / "stream.db")) as stream,
        closing(Box(tmp_path / "embedded.db")) as here,
        closing(Box(tmp_path / "cluster.db")) as there,
    ):
        for hits in streams:
            stream.take(hits)
        for chosen in _chosen([rule for rule in every if rule.id in seen]):
            alerts = stream.alerts(chosen)
            found += len(alerts)
            for reader, own in ((embedded, here), (pair.reader, there)):
                hits = _hunted(reader, chosen, APART * len(events))
                assert {hit.key for hit in hits} == set(alerts)
                assert stream.take(hits) == []
                own.take(hits)
            assert stream.alerts(chosen) == alerts
            # On a box that hunts alone they are numbered as they are found; the two must agree on each.
            assert here.alerts(chosen) == there.alerts(chosen)
            assert len(set(here.alerts(chosen).values())) == len(set(alerts.values()))
    print(f"\n{len(seen)} of {len(every)} rules have events among {len(events)}; {found} hits compared")
    assert found > (1000 if ALL else 100)
