"""The matcher alone, on canonical events: events/s on repetitive and on unique values, against the oracle.

Figures of one run are comparable with each other only; the ratio is what counts.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from appliance.detect import RUN, Engine, Event, RuleSet, event_class, field_names, load_rules
from appliance.detect.routes import shipped_routes
from tests.appliance.detect import corpus
from tests.appliance.detect.oracle import Oracle
from tests.benchmarks._contest import EVENTS as CONTEST
from tests.benchmarks._contest import contest
from tests.conftest import corpora_root

EVENTS = 60_000
CHUNK = 2_000
ORACLE_EVENTS = 400
#: The share of each kind of Windows event on a busy host, as research/engine.md weighs it.
WEIGHTS = {"7": 18, "1": 15, "3": 12, "10": 12, "11": 12, "12": 6, "13": 6, "4624": 6, "4688": 6, "5": 4, "22": 4}


def main(argv: list[str]) -> int:
    """Print one line a figure; `argv` may hold the number of events a stream, and `--rsigma PATH` for the contest."""
    parser = argparse.ArgumentParser(prog="czujka bench engine")
    parser.add_argument("count", nargs="?", type=int, default=EVENTS)
    parser.add_argument("--rsigma", help="its program: the same rules and events through both")
    arguments = parser.parse_args(argv)
    count, corpora = arguments.count, corpora_root()
    if arguments.rsigma:
        with TemporaryDirectory() as folder:
            contest(arguments.rsigma, corpora, Path(folder), max(count, CONTEST))
        return 0
    ruleset = _load(corpora)
    engine = Engine(ruleset)
    samples = [event for _, event in corpus.sample_events(corpora)]
    quiet = [event for event in samples if not engine.match(event)]
    oracle = _oracle(corpora, ruleset)
    draw = random.Random(7)
    repetitive = [draw.choice(samples) for _ in range(count)]
    unique = list(islice(unique_events(quiet, draw), count))
    for name, stream in (("repetitive", repetitive), ("unique", unique)):
        _measure(name, ruleset, stream, oracle)
    print(f"rss: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB with both streams in memory")
    return 0


def _load(corpora: Path) -> RuleSet:
    folders = corpus.rule_folders(corpora)
    with TemporaryDirectory() as cache:
        for name in ("parse", "from cache"):
            start = process_time()
            ruleset = load_rules(folders, Path(cache))
            print(f"load, {name}: {process_time() - start:.2f} s for {len(ruleset.rules)} rules")
    return ruleset


def _oracle(corpora: Path, ruleset: RuleSet) -> Oracle:
    loaded = {rule.id for rule in ruleset.rules}
    documents = (document for document in corpus.documents(corpora) if document["id"] in loaded)
    return Oracle.of_documents(documents, shipped_routes(), field_names)


def unique_events(events: Sequence[Event], draw: random.Random) -> Iterator[Event]:
    """Events whose long texts are all different, in the mix of a busy host."""
    by_code: dict[str, list[Event]] = {}
    for event in events:
        by_code.setdefault(str(event.get("event.code")), []).append(event)
    codes = [code for code in WEIGHTS if code in by_code]
    weights = [WEIGHTS[code] for code in codes]
    while True:
        event = draw.choice(by_code[draw.choices(codes, weights)[0]])
        yield {
            key: f"{value} {draw.getrandbits(48):x}"
            if isinstance(value, str) and len(value) > 24 and not key.startswith(("winlog.channel", "winlog.provider"))
            else value
            for key, value in event.items()
        }


def _measure(name: str, ruleset: RuleSet, stream: Sequence[Event], oracle: Oracle) -> None:
    engine = Engine(ruleset)
    cold, found, longest = _rates(engine, stream)
    before = rules_decided(engine)
    warm, _, _ = _rates(engine, stream)
    decided = (rules_decided(engine) - before) / len(stream)
    sample = [dict(event) for event in stream[:ORACLE_EVENTS]]
    for event in sample:
        oracle.match(event, event_class(event))
    start = process_time()
    for event in sample:
        oracle.match(event, event_class(event))
    naive = len(sample) / (process_time() - start)
    print(
        f"{name}: first pass {cold:.0f} events/s ({cold / naive:.0f} x oracle), second pass {warm:.0f} events/s "
        f"({warm / naive:.0f} x), oracle {naive:.0f} events/s; {decided:.2f} rules decided and "
        f"{found / len(stream):.2f} matched an event; the longest run of {RUN} took {longest:.2f} s"
    )


def rules_decided(engine: Engine) -> int:
    """How many rules the engine has decided so far, one for each event that came to it."""
    return sum(stats.evaluated for stats in engine.stats.values())


def _rates(engine: Engine, stream: Sequence[Event]) -> tuple[float, int, float]:
    """The median rate of chunks, the matches, and the longest wall time of one run: where an index is built."""
    rates, found, longest = [], 0, 0.0
    for start in range(0, len(stream), CHUNK):
        chunk = stream[start : start + CHUNK]
        began = process_time()
        for first in range(0, len(chunk), RUN):
            last = perf_counter()
            found += sum(map(len, engine.match_many(chunk[first : first + RUN])))
            longest = max(longest, perf_counter() - last)
        rates.append(len(chunk) / (process_time() - began))
    return statistics.median(rates), found, longest
