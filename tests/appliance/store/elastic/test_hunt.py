"""Our rules over the shared corpora: a hunt in the cluster finds what it finds in the embedded store."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest

import rules
from appliance.detect import Rule, load_rules
from appliance.detect.selftest import EVENTS, SOURCE
from appliance.hunt.hunt import Hunt
from appliance.normalise import Event, normalise
from appliance.store import EmbeddedReader, EmbeddedStore, Store
from appliance.store.shape import encode
from tests.appliance.detect.corpus import sample_events
from tests.appliance.store.elastic.conftest import Pair

pytestmark = [pytest.mark.nodes, pytest.mark.corpora]
SEED = 20261122
TOGETHER = (8, 8, 8, 8, 16)
"""Rules that are hunted together: a few are asked for narrowly, many by a wider question."""
EVERY = 5
"""Of the events of our rules' own tests each fifth: the corpora are all there."""


def _events(corpora: Path) -> list[Event]:
    lines = [line for file in sorted(EVENTS.rglob("*.ndjson")) for line in file.read_bytes().splitlines() if line]
    made = [*(event for _, event in sample_events(corpora)), *(normalise(line, SOURCE) for line in lines[::EVERY])]
    return [{**event, "event.id": f"{n:032x}", "@timestamp": n * 1000} for n, event in enumerate(made)]


def _found(store: Store, chosen: list[Rule]) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for event, matched in Hunt.of(store, chosen).run():
        for rule in matched:
            found[rule.id].add(str(event["event.id"]))
    return found


def test_a_hunt_finds_the_same_in_both_stores(pair: Pair, corpora: Path, tmp_path: Path) -> None:
    rows = encode(_events(corpora))
    store = EmbeddedStore(tmp_path / "store")
    store.append(rows, [], 1)
    store.close()
    embedded = EmbeddedReader(tmp_path / "store")
    pair.store.append(rows, [], 1)
    pair.store.flush()
    assert pair.reader.count("") == len(rows)
    every = load_rules([rules.ROOT / "sigma"]).rules
    shuffled = iter(random.Random(SEED).sample(every, len(every)))
    found = 0
    for many in TOGETHER:
        some = list(islice(shuffled, many))
        wanted = _found(embedded, some)
        assert _found(pair.reader, some) == wanted
        found += sum(map(len, wanted.values()))
    assert found > 100
    embedded.close()
