"""What a box does to a cluster, as functions of what JSON takes: done, and killed, in processes of their own."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.wire.event import event_id
from appliance.clock import DAY, HOUR
from appliance.home import Home
from appliance.normalise.model import Event
from appliance.settings import ElasticSettings
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore, Keeping
from appliance.store.classes import shipped
from appliance.store.copying import copy as copying
from appliance.store.elastic.mapping import digest
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.target import ClusterTarget
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import encode
from appliance.store.twin import TwinStore
from tests.appliance.store.conftest import NOW
from tests.nodes.node import PASSWORD

Told = dict[str, Any]
NAMES = ("hosts", "index", "engine", "ca_file", "user")
BATCH = 40

# Read once, before anything is forked.
shipped()
digest()


def told(settings: ElasticSettings) -> Told:
    """Return settings of a test's node as JSON takes them; the password is every node's."""
    return {name: value for name, value in settings.model_dump(mode="json").items() if name in NAMES}


def _settings(of: Told) -> ElasticSettings:
    return ElasticSettings.model_validate({**of, **({"password": PASSWORD} if of["user"] else {})})


def _refuse(item: object, reason: str) -> None:
    raise AssertionError(f"{item}: {reason}")


def made(batch: int) -> list[Event]:
    """Return the events of a batch: most of today, some of yesterday's day of arrival, over two hours."""
    return [
        {
            "event.id": event_id(n),
            "@timestamp": NOW + n,
            "event.ingested": NOW - (n % 5 == 0) * DAY - (n % 2) * HOUR,
            "host.name": f"PC-{n}",
            "winlog.event_data.Foo": f"v{n}",
        }
        for n in range(batch * BATCH, (batch + 1) * BATCH)
    ]


def _batches(upto: int, after: int) -> Iterable[tuple[int, list[Event]]]:
    return ((seq, made(seq)) for seq in range(after + 1, upto + 1))


def ship(of: Told, home: str, upto: int) -> None:
    """Take the batches that come after the last one, as the journal gives them again, and send all."""
    # A restart asks for its indices again, as that of a box does.
    with closing(ElasticStore(_settings(of), Home(Path(home)).spool, _refuse, lambda: NOW, background=False)) as store:
        for seq, events in _batches(upto, store.applied()):
            store.append(encode(events), [BatchResult(seq, "a", BATCH, BATCH, 0, 0)], seq)
            store.ship()
        store.flush()


def ship_both(of: Told, home: str, upto: int) -> None:
    """The same into both stores."""
    box = Home(Path(home))
    cluster = ElasticStore(_settings(of), box.spool, _refuse, lambda: NOW, background=False)
    with closing(TwinStore(EmbeddedStore(box.store, now=lambda: NOW), cluster)) as store:
        # As the thread does beside the pipeline.
        cluster.flush()
        for seq, events in _batches(upto, store.applied()):
            rows = encode(events)
            fresh = rows.where(~store.known(rows))
            store.append(fresh, [BatchResult(seq, "a", BATCH, BATCH, 0, 0)], seq)
            cluster.ship()
        store.flush()


def retain(of: Told, home: str, now: int, days: int) -> None:
    """Let go of old indices."""
    with closing(ElasticStore(_settings(of), Home(Path(home)).spool, _refuse, lambda: now, background=False)) as store:
        store.retain(Keeping({"ordinary": days}))


def copy(of: Told, home: str) -> None:
    """Copy the embedded store into the cluster, from where an earlier try stopped."""
    box, settings = Home(Path(home)), _settings(of)
    with (
        closing(EmbeddedReader(box.store)) as source,
        closing(ElasticReader(settings, box.spool)) as check,
        closing(ClusterTarget(settings, box.spool, lambda: NOW)) as target,
    ):
        copying(source, target.put, check, box.copied("embedded", "elasticsearch"), lambda _: None)


def ship_days(of: Told, home: str, first: int, days: list[int]) -> None:
    """Send two events of each day of arrival, numbered from the first."""
    with closing(ElasticStore(_settings(of), Home(Path(home)).spool, _refuse, lambda: NOW, background=False)) as store:
        events: list[Event] = [
            {"event.id": event_id(first + n), "@timestamp": days[n // 2] * DAY, "event.ingested": days[n // 2] * DAY}
            for n in range(2 * len(days))
        ]
        store.append(encode(events), [], store.applied() + 1)
        store.flush()
