"""Kill -9 at every step of writing, merging, sealing, retention and copying: nothing is lost, nothing is twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.clock import DAY, SECOND
from appliance.evidence.check import Asked, check
from appliance.home import Home
from appliance.settings import Settings
from appliance.state.database import open_sessions
from appliance.store import EmbeddedReader
from tests.appliance.state.fresh import fresh_state
from tests.appliance.store.conftest import NOW
from tests.appliance.store.killing import KILLS, Slaughter, Work, between
from tests.appliance.store.works import BATCH, KEPT, made

WORKS = "tests.appliance.store.works"
MANIFEST, STORE = "appliance.store.manifest:Manifest", "appliance.store.writer:EmbeddedStore"
LEDGER, KEEPER = "appliance.evidence.ledger:Ledger", "appliance.evidence.keeper:Keeper"
WRITE = "appliance.store.segments:write"
PLACES = {
    "write": between(WRITE, f"{MANIFEST}.apply", f"{STORE}._commit"),
    "compact": between(WRITE, f"{MANIFEST}.retire", f"{STORE}.replace", f"{STORE}.describe"),
    "seal": between(f"{LEDGER}.cursor", "appliance.evidence.segments:Sealer.run", f"{KEEPER}.round"),
    "retain": between(f"{MANIFEST}.add_deletion", f"{MANIFEST}.ran", f"{STORE}.clean"),
}
COPIED = between(WRITE, f"{STORE}.append", "appliance.store.copying:Copied.save")


@pytest.fixture
def slaughter(tmp_path: Path) -> Iterator[Slaughter]:
    with Slaughter(tmp_path, [WORKS]) as ready:
        yield ready
    print(f"\n{ready.killed} kills")


def ids(folder: Path) -> list[str]:
    with closing(EmbeddedReader(folder)) as reader:
        return [str(event["event.id"]) for event in reader.between(0, NOW * 2, 1_000_000) or []]


def test_a_store_that_is_killed(home: Home, slaughter: Slaughter) -> None:
    settings = Settings()
    sessions = open_sessions(fresh_state(settings.database(home)))
    seq, now = 0, NOW
    days: dict[int, int] = {}

    def work(name: str) -> Work:
        return Work(f"{WORKS}:{name}", [str(home.root), now, *([seq] if name == "write" else [])])

    def written(batches: int) -> None:
        nonlocal seq
        seq += batches
        days.update(dict.fromkeys(range(seq - batches + 1, seq + 1), now // DAY))

    for name, places in PLACES.items():
        written(9)
        seconds = slaughter.timed(work(name))
        for at in slaughter.attempts(places, seconds):
            # Nine small segments are worth a merge; after more than a month all go.
            written(9 if name == "compact" else 2)
            assert not slaughter.run(work("write"))
            now += (KEPT + 2) * DAY if name == "retain" else 61 * SECOND
            written(1)
            assert slaughter.run(work(name), at) or isinstance(at, float), (name, at)
            for again in PLACES:
                assert not slaughter.run(work(again))
            kept = [one for one, day in days.items() if day >= now // DAY - KEPT]
            wanted = {str(event["event.id"]) for one in kept for event in made(one, now)}
            found = ids(home.store)
            assert (len(found), set(found)) == (len(wanted), wanted), (name, at)
    assert not check(home, sessions, Asked(events=True)).faults
    assert slaughter.killed >= sum(map(len, PLACES.values())) + 2 * KILLS
    sessions.kw["bind"].dispose()


def test_a_copy_to_this_machine_that_is_killed(home: Home, slaughter: Slaughter, tmp_path: Path) -> None:
    work = Work(f"{WORKS}:copy", [str(home.root), str(tmp_path / "target")])

    def grow(upto: int) -> None:
        assert not slaughter.run(Work(f"{WORKS}:write", [str(home.root), NOW, upto]))

    grow(1)
    seconds = slaughter.timed(work)
    seq = 1
    for seq, at in enumerate(slaughter.attempts(COPIED, seconds), 2):
        grow(seq)
        assert slaughter.run(work, at) or isinstance(at, float), at
    assert not slaughter.run(work)
    assert sorted(ids(tmp_path / "target")) == sorted(ids(home.store))
    assert len(ids(home.store)) == seq * BATCH
