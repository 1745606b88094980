"""A hunt over columns finds what streaming finds, whatever the values and however segments keep them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from appliance.detect import Engine, EventClass, Rule, RuleSet, load_rules, partition
from appliance.detect.memo import Samples
from appliance.detect.parse import parse_file
from appliance.hunt import hunt as hunts
from appliance.hunt import sieve
from appliance.hunt.hunt import Hunt
from appliance.hunt.question import EVERYTHING
from appliance.normalise import Event
from appliance.normalise.model import Value
from appliance.store import EmbeddedReader, EmbeddedStore, QueryTimeout
from appliance.store.bounds import bounded
from appliance.store.scan import scan
from appliance.store.shape import encode
from tests.appliance.detect import corpus
from tests.appliance.detect.fuzz import batch_of, built
from tests.appliance.detect.generate import Draws
from tests.appliance.detect.kit import ID, ROUTES, document, one

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


def _hunted(hunt: Hunt) -> Found:
    found = [(str(event["event.id"]), [rule.id for rule in rules]) for event, rules in hunt.run()]
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
@settings(deadline=None, max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(source=st.randoms(use_true_random=False))
def test_generated_rules_find_the_same(source: random.Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    wanted, found, _, _ = _differences(source.randrange, tmp_path_factory.mktemp("store"))
    assert found == wanted


def test_many_generated_rules_find_the_same(tmp_path: Path) -> None:
    source = random.Random(20261122)
    hits = looked = events = 0
    for number in range(8):
        wanted, found, left, size = _differences(source.randrange, tmp_path / str(number))
        assert found == wanted
        hits, looked, events = hits + len(wanted), looked + left, events + size
    assert hits > 100
    assert looked < events, "something is left out"


LINES = {
    "contains": one("b|contains: 'kiosk'"),
    "cased": one("b|cased|contains: 'Kiosk'"),
    "equals": one("a: 1"),
    "text": one("c: '1'"),
    "true": one("c: 'true'"),
    "null": one("c: null"),
    "none": one("c|exists: false"),
    "empty": one("c: ''"),
    "regex": one("c|re: '^k.osk$'"),
    "less": one("a|lt: 0"),
    "reference": one("b|fieldref: c"),
    "keyword": "keywords:\n  - 'kiosk'\n  - 'żółw'\ncondition: keywords",
    "number": "keywords:\n  - '777'\ncondition: keywords",
    "expression": "keywords:\n  '|re': 'k[a-z]+9'\ncondition: keywords",
    "negation": "one:\n  a: 1\ntwo:\n  c|contains: 'k'\ncondition: one and not two",
    "time": one("czujka.local.hour|gte: 0"),
}
VALUES: list[Value] = [
    *("kiosk", "Kiosk", "\u212aiosk", "kio\u017fk", "Żółw", "ŻÓŁW", "żółw\0kiosk", "k", "i", "", "kiosk9", "ß", "İ"),
    *(1, 777, -1, 2**63 - 1, 2**63, 2**200, 1.0, 0.5, 1e17, float("nan"), True, False),
    *((), ("kiosk", 1), (1.0, True), ("",), ("k", "iosk"), ("a", 777), ("true",)),
]


def _rules() -> list[Rule]:
    texts = [document(detection, number) for number, detection in enumerate(LINES.values())]
    rules = [rule for text in texts for rule in parse_file("x.yml", text.encode()).rules]
    assert len(rules) == len(LINES)
    return rules


@pytest.mark.parametrize("batch", [7, 1000])
def test_odd_values_wherever_they_are_kept(tmp_path: Path, batch: int) -> None:
    events: list[Event] = [
        {name: value, **({"c": "kiosk"} if name == "b" else {})} for name in "abc" for value in VALUES
    ]
    reader = _store(tmp_path, _placed(events, "test"), batch)
    wanted = _streamed(_engine(_rules()), reader)
    assert {rule for rules in wanted.values() for rule in rules} == {ID.format(at) for at in range(len(LINES))}
    # The rules by themselves, too: others may hide what one of them looks at.
    for rules in (_rules(), *([rule] for rule in _rules())):
        ids = {rule.id for rule in rules}
        of_these = {name: [one for one in found if one in ids] for name, found in wanted.items()}
        assert _hunted(Hunt(reader, _engine(rules))) == {name: found for name, found in of_these.items() if found}
    reader.close()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedReader]:
    """Forty events in four segments, one in five of which has the word that is sought."""
    events: list[Event] = [
        {"b": f"{'kiosk' if at % 5 == 0 else 'nothing'} {at}", "host.name": f"PC-{at % 3}"} for at in range(40)
    ]
    made = _store(tmp_path_factory.mktemp("store"), _placed(events, "test"), 10)
    yield made
    made.close()


def _kiosk(reader: EmbeddedReader) -> Hunt:
    return Hunt(reader, _engine(_rules()[:1]))


def _numbers(hunt: Hunt, start: int | None = None, end: int | None = None, query: str = "") -> list[int]:
    return sorted(int(str(event["event.id"]), 16) for event, _ in hunt.run(start, end, query=query))


def test_few_events_are_put_together(reader: EmbeddedReader) -> None:
    hunt = _kiosk(reader)
    assert _numbers(hunt) == list(range(0, 40, 5))
    assert (hunt.looked, hunt.found) == (8, 8)


def test_a_range_is_inclusive_at_its_start_alone(reader: EmbeddedReader) -> None:
    assert _numbers(_kiosk(reader), NOW + 5000, NOW + 20_000) == [5, 10, 15]
    assert _numbers(_kiosk(reader), None, NOW + 5000) == [0]
    assert _numbers(_kiosk(reader), NOW + 30_001) == [35]
    assert _numbers(_kiosk(reader), NOW + 20_000, NOW + 5000) == []


@pytest.mark.parametrize(
    "query", ["host.name:PC-0", "NOT host.name:(PC-1 OR PC-2)", '"kiosk 15" OR "kiosk 30" OR "kiosk 0"']
)
def test_only_what_answers_the_query_is_found(reader: EmbeddedReader, query: str) -> None:
    assert _numbers(_kiosk(reader), query=query) == [0, 15, 30]


def test_progress_ends_at_the_total(reader: EmbeddedReader) -> None:
    told: list[tuple[int, int]] = []
    list(_kiosk(reader).run(NOW + 10_000, progress=lambda done, total: told.append((done, total))))
    assert told[0] == (0, 30)
    assert told[-1] == (30, 30)
    assert told == sorted(told)


def test_a_hunt_can_be_stopped(reader: EmbeddedReader) -> None:
    stop = threading.Event()
    with bounded(stop=stop), pytest.raises(QueryTimeout):
        for _ in _kiosk(reader).run(progress=lambda _done, _total: stop.set()):
            pass


def test_small_classes_are_looked_at_one_by_one(reader: EmbeddedReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "FEW", 100)
    monkeypatch.setattr(sieve.Sieve, "_of_class", None)
    hunt = _kiosk(reader)
    assert _numbers(hunt) == list(range(0, 40, 5))
    assert hunt.looked == 8


def test_many_fields_of_many_values_are_told_apart() -> None:
    draw = np.random.default_rng(7)
    numbers = [draw.integers(0, 1000, 500) for _ in range(9)]
    first, number = sieve._equal(numbers, 500)
    rows = np.stack(numbers, axis=1)
    assert (rows[first][number] == rows).all()
    assert len(first) == len(np.unique(rows, axis=0))


@pytest.mark.corpora
def test_sigmahq_on_the_samples_finds_the_same(corpora: Path, tmp_path: Path) -> None:
    ruleset = load_rules([corpora / "sigmahq" / "rules" / "windows"], tmp_path / "cache")
    samples = [event for _, event in corpus.sample_events(corpora)]
    events = [{**event, "event.id": f"{number:032x}"} for number, event in enumerate(samples)]
    reader = _store(tmp_path / "store", events, 2000, compact=True)
    hunt, engine = Hunt.of(reader, ruleset.rules), Engine(ruleset)
    assert _hunted(hunt) == _streamed(engine, reader)
    assert hunt.found > 300
    assert hunt.looked < len(events) / 2
