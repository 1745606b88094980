"""What a box does to its own store, as functions of what JSON takes: done, and killed, in processes of their own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from agent.wire.event import event_id
from appliance.evidence.keeper import Keeper
from appliance.home import Home
from appliance.normalise.model import Event
from appliance.search import columns
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore, Keeping
from appliance.store.classes import shipped
from appliance.store.copying import EmbeddedTarget
from appliance.store.copying import copy as copying
from appliance.store.shape import encode

BATCH = 20
KEPT = 30

# Read once, before anything is forked.
shipped()
columns()


def made(batch: int, now: int) -> list[Event]:
    """Return the events of a batch."""
    return [
        {"event.id": event_id(n), "@timestamp": now + n, "event.ingested": now, "host.name": f"PC-{n}"}
        for n in range(batch * BATCH, (batch + 1) * BATCH)
    ]


def write(home: str, now: int, upto: int) -> None:
    """Take the batches that come after the last one, as the journal gives them again."""
    with closing(EmbeddedStore(Path(home) / "store", now=lambda: now)) as store:
        for seq in range(store.applied() + 1, upto + 1):
            store.append(encode(made(seq, now)), [BatchResult(seq, "a", BATCH, BATCH, 0, 0)], seq)


def compact(home: str, now: int) -> None:
    """Merge what is small, and delete what was replaced."""
    with closing(EmbeddedStore(Path(home) / "store", now=lambda: now)) as store:
        store.compact(60)


def retain(home: str, now: int) -> None:
    """Delete what is older than a month."""
    with closing(EmbeddedStore(Path(home) / "store", now=lambda: now)) as store:
        store.retain(Keeping({"ordinary": KEPT}))


def seal(home: str, now: int) -> None:
    """Carry what is new into the evidence chain."""
    box, settings = Home(Path(home)), Settings()
    engine = open_state(settings.database(box))
    Keeper(box, settings, open_sessions(engine), lambda: now).round()
    engine.dispose()


def copy(home: str, target: str) -> None:
    """Copy the store into another folder, from where an earlier try stopped."""
    folder = Path(target)
    with (
        closing(EmbeddedReader(Path(home) / "store")) as source,
        closing(EmbeddedTarget(folder)) as there,
        closing(EmbeddedReader(folder)) as check,
    ):
        copying(source, there.put, check, folder.with_suffix(".json"), lambda _: None)
