"""A hunt over columns finds what streaming finds, whatever the values and however segments keep them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from appliance.detect import Engine, EventClass, Rule, RuleSet, partition
from appliance.detect.memo import Samples
from appliance.hunt import hunt as hunts
from appliance.hunt import sieve
from appliance.hunt.hunt import Hunt
from appliance.hunt.question import EVERYTHING
from appliance.normalise import Event
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.scan import scan
from appliance.store.shape import encode
from tests.appliance.detect.fuzz import batch_of, built
from tests.appliance.detect.generate import Draws
from tests.appliance.detect.kit import ROUTES

#: Where the fields of generated rules stand: in a column of numbers, one of texts, one of truth values, and in none.
KEYS: Mapping[str, str] = {"a": "process.pid", "b": "process.command_line", "c": "winlog.event_data.c", "A": "A"}
NOW = 1_767_225_600_000_000
Found = dict[str, list[str]]


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    """No class is too small for columns or for learning, and the sources of the tests are known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sieve, "FEW", 0)
        patch.setattr(partition, "_WORTH_IT", 0)
        patch.setattr(hunts, "asked_for", lambda _rules: EVERYTHING)
        yield


def _resolver(_kind: EventClass) -> Callable[[str], str]:
    return lambda name: KEYS.get(name, name)


def _engine(rules: Sequence[Rule], *, eager: bool = False) -> Engine:
    samples = Samples(wanted=2, a_rule=0) if eager else None
    return Engine(RuleSet(list(rules), []), routes=ROUTES, resolver_factory=_resolver, samples=samples)


def _store(folder: Path, events: Sequence[Event], batch: int, *, compact: bool = False) -> EmbeddedReader:
    store = EmbeddedStore(folder, now=lambda: NOW)
    for start in range(0, len(events), batch):
        store.append(encode(events[start : start + batch]), [], start + 1)
    if compact:
        store.compact(60)
    store.close()
    return EmbeddedReader(folder)


def _placed(events: Sequence[Event], *modules: str) -> list[Event]:
    """Events under the keys of a store, each with an id and a time of its own, in the classes of `modules` in turn."""
    return [
        {
            **{KEYS.get(name, name): value for name, value in event.items()},
            "event.module": modules[number % len(modules)],
            "event.id": f"{number:032x}",
            "@timestamp": NOW + number * 1000,
        }
        for number, event in enumerate(events)
    ]


def _streamed(engine: Engine, reader: EmbeddedReader) -> Found:
    matched = ((str(event["event.id"]), engine.match(event)) for event in scan(reader))
    return {name: [rule.id for rule in rules] for name, rules in matched if rules}


def _hunted(hunt: Hunt, **asked: str) -> Found:
    found = [(str(event["event.id"]), [rule.id for rule in rules]) for event, rules in hunt.run(**asked)]
    assert len(found) == len(dict(found)), "no event comes twice"
    return dict(found)


def _differences(below: Callable[[int], int], folder: Path) -> tuple[Found, Found, int, int]:
    """What streaming and hunting generated rules find in generated events; events left, and all."""
    draws = Draws(below)
    batch = batch_of(draws, 12, [draws] * 60)
    rules = built(batch.rules + batch.filters).rules
    events = _placed(batch.events, "test", "test", "other")
    reader = _store(folder, events, 1 + draws.below(60), compact=bool(draws.below(2)))
    hunt = Hunt(reader, _engine(rules, eager=bool(draws.below(2))))
    found = _hunted(hunt)
    wanted = _streamed(_engine(rules), reader)
    reader.close()
    return wanted, found, hunt.looked, len(events)


# Shrinking would take minutes: an example is a whole rule set.
@settings(deadline=None, max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(source=st.randoms(use_true_random=False))
def test_generated_rules_find_the_same(source: random.Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    wanted, found, _, _ = _differences(source.randrange, tmp_path_factory.mktemp("store"))
    assert found == wanted


def test_many_generated_rules_find_the_same(tmp_path: Path) -> None:
    source = random.Random(20261122)
    hits = looked = events = 0
    for number in range(12):
        wanted, found, left, size = _differences(source.randrange, tmp_path / str(number))
        assert found == wanted
        hits, looked, events = hits + len(wanted), looked + left, events + size
    assert hits > 100
    assert looked < events, "something is left out"
