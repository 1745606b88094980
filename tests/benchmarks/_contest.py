"""Our engine and rsigma side by side: the same rules, the same events, one core, chunk by chunk in turn.

Both are child processes that read flat Windows records as JSON lines and write a JSON line for each match. A chunk's
processor time is read from the kernel's account once the child waits for input again, so that only work counts, and
what the machine does beside it hits neighbouring chunks alike: the ratio of neighbours is the figure. rsigma is given
its best lane: events already tagged with their log source, and routing by these tags.
"""

from __future__ import annotations

import array
import fcntl
import os
import shutil
import statistics
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import orjson

from appliance.cli.detect import result_line
from appliance.detect import (
    Engine,
    Event,
    RuleSet,
    event_class,
    field_names,
    load_plans,
    load_rules,
    matches,
    save_plans,
)
from appliance.detect.explain import explain_node
from appliance.detect.resolve import with_renames
from appliance.detect.routes import Feed, shipped_routes
from appliance.normalise import normalise
from appliance.settling import settle
from tests.appliance.detect.corpus import SOURCE
from tests.benchmarks import _streams

EVENTS, WARM, CHUNK = 150_000, 20_000, 2_500
_CALM, _STEP = 5, 0.004
_PIPE = 1 << 20


@dataclass(slots=True)
class Child:
    """A running engine, fed through a pipe, that writes its matches to a file."""

    name: str
    process: subprocess.Popen[bytes]
    rates: list[float] = field(default_factory=list)
    loading: float = 0.0
    peak: float = 0.0

    @classmethod
    def start(cls, name: str, command: Sequence[str], out: Path, core: int) -> Child:
        """Start the engine on one core, and wait until it waits for events."""
        with out.open("wb") as stream:
            process = subprocess.Popen(
                ["taskset", "-c", str(core), *command], stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.DEVNULL
            )
        fcntl.fcntl(_input(process), 1031, _PIPE)  # F_SETPIPE_SZ
        child = cls(name, process)
        child.settle(150)
        child.loading = child.seconds()
        return child

    def seconds(self) -> float:
        """Processor time of all its threads so far."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def settle(self, calm: int = _CALM) -> None:
        """Wait until its pipe is empty and it does nothing. Raises RuntimeError when it has ended."""
        quiet, last, left = 0, -1.0, array.array("i", [0])
        while quiet < calm:
            time.sleep(_STEP)
            fcntl.ioctl(_input(self.process), termios.FIONREAD, left)
            now = self.seconds()
            quiet = quiet + 1 if left[0] == 0 and now == last and self._sleeps() else 0
            last = now
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} has ended")

    def _sleeps(self) -> bool:
        """Whether no thread wants the processor: on a busy machine one may wait long for its turn."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return all((task / "stat").read_text().rpartition(")")[2].split()[0] == "S" for task in tasks.iterdir())

    def feed(self, chunk: Sequence[bytes]) -> float:
        """Give it events, and return how many it does in a second of processor time."""
        before, pipe = self.seconds(), _input(self.process)
        pipe.write(b"".join(chunk))
        pipe.flush()
        self.settle()
        return len(chunk) / (self.seconds() - before)

    def _peak(self) -> float:
        """The most memory it has had, MB. What wait4 tells of a child begins with what its parent had at the fork."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def end(self) -> None:
        """Close its input and wait for its end."""
        used = self.seconds()
        self.peak = self._peak()
        _input(self.process).close()
        self.process.wait()
        self.loading = min(self.loading, used)


def _input(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


class Tagger:
    """Adds to a record the log source of its class of events, which rsigma's routing reads; one of each kind only."""

    def __init__(self) -> None:
        routes = shipped_routes()
        self._feeds = [
            (kind, name.removeprefix("windows/"), feed)
            for kind, table in (("category", routes.categories), ("service", routes.services))
            for name, feeds in table.items()
            if name.startswith("windows/")
            for feed in feeds
        ]

    def tagged(self, line: bytes) -> bytes:
        """The line with `product`, `category` and `service`."""
        event = normalise(line, SOURCE)
        found: dict[str, set[str]] = {"category": set(), "service": set()}
        for kind, name, feed in self._feeds:
            if belongs(feed, event):
                found[kind].add(name)
        if len(found["category"]) > 1:
            found["category"].discard("registry_event")
        tags = {kind: min(names, default="none") for kind, names in found.items()}
        return orjson.dumps({**orjson.loads(line), "product": "windows", **tags}, option=orjson.OPT_APPEND_NEWLINE)


def belongs(feed: Feed, event: Event) -> bool:
    """Whether an event is one of a log source's, of which this is a feed."""
    kind = event_class(event)
    return feed.takes(kind) and explain_node(feed.where, event, with_renames(field_names(kind), feed.renames)).truth


def contest(rsigma: str, corpora: Path, folder: Path, count: int) -> None:
    """Run the contest on both streams, and print what came out."""
    rules = folder / "rules"
    ruleset = routed_rules(corpora, rules)
    matcher = Engine(ruleset)
    tag = Tagger().tagged
    print(f"{len(ruleset.rules)} Windows rules, {count} events a stream, one core")
    for name, stream in streams(corpora, matcher, count).items():
        # Twice: the second time our engine finds its own plans, as it does at every start but the first.
        lines = list(map(tag, stream))
        _run_ours(lines, rules, folder)
        for line in _side_by_side(rsigma, lines, rules, folder):
            print(f"{name}: {line}", flush=True)
        for line in _whole(rsigma, lines, rules, folder):
            print(f"{name}: {line}", flush=True)


def streams(corpora: Path, matcher: Engine, count: int) -> dict[str, Iterator[bytes]]:
    """The contest's streams, by name; the matcher tells which samples are attacks."""
    flat = _streams.samples(corpora)

    def fires(record: _streams.Record) -> bool:
        return bool(matcher.match(normalise(orjson.dumps(record), SOURCE)))

    return {"unique": _streams.unique(flat, fires, count), "repetitive": _streams.repetitive(flat, count)}


def routed_rules(corpora: Path, target: Path) -> RuleSet:
    """Copy the Windows rules that some source feeds: both engines get the same."""
    source = corpora / "sigmahq"
    routes = shipped_routes()
    ruleset = load_rules([source / "rules" / "windows", source / "rules-emerging-threats"])
    kept = [rule for rule in ruleset.rules if rule.logsource.product == "windows" and routes.feeds(rule.logsource)]
    for rule in kept:
        file = target / Path(rule.source_file).relative_to(source)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(rule.source_file, file)
    return RuleSet(kept, [])


def rsigma_command(rsigma: str, rules: Path) -> list[str]:
    """What runs rsigma over tagged events from its standard input, in its best lane."""
    routed = ["--logsource-routing", "--input-format", "json", "--output-format", "ndjson", "--quiet"]
    return [rsigma, "engine", "eval", "-r", str(rules), *routed]


def _commands(rsigma: str, rules: Path, folder: Path) -> dict[str, list[str]]:
    return {
        "rsigma": rsigma_command(rsigma, rules),
        "czujka": [sys.executable, "-m", "tests.benchmarks._contest", str(rules), str(folder / "cache")],
    }


def _side_by_side(rsigma: str, lines: Sequence[bytes], rules: Path, folder: Path) -> Iterator[str]:
    children = [
        Child.start(name, command, folder / name, 0) for name, command in _commands(rsigma, rules, folder).items()
    ]
    source = iter(lines)
    warm = list(islice(source, WARM))
    first = [child.feed(warm) for child in children]
    turn = 0
    while chunk := list(islice(source, CHUNK)):
        for child in children if turn % 2 else reversed(children):
            child.rates.append(child.feed(chunk))
        turn += 1
    theirs, ours = children
    for child, rate in zip(children, first, strict=True):
        child.end()
        yield (
            f"{child.name}: ready after {child.loading:.2f} s, first {WARM} events {rate:.0f}/s, then "
            f"{statistics.median(child.rates):.0f}/s, {child.peak:.0f} MB, "
            f"{sum(1 for _ in (folder / child.name).open('rb'))} matches"
        )
    ratios = [mine / other for mine, other in zip(ours.rates, theirs.rates, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    yield f"czujka : rsigma {middle:.2f} ({low:.2f}-{high:.2f}) over {len(ratios)} pairs"


def _whole(rsigma: str, lines: Sequence[bytes], rules: Path, folder: Path) -> Iterator[str]:
    """Everything counted, from the start of the process to its end."""
    used = {}
    for name, command in _commands(rsigma, rules, folder).items():
        used[name] = _processor_time(command, lines, folder / f"{name}.whole")
    yield f"whole run {used['czujka']:.1f} s, rsigma {used['rsigma']:.1f} s: {used['rsigma'] / used['czujka']:.2f}"


def _run_ours(lines: Sequence[bytes], rules: Path, folder: Path) -> None:
    _processor_time(_commands("", rules, folder)["czujka"], lines, folder / "first")


def _processor_time(command: Sequence[str], lines: Iterable[bytes], out: Path) -> float:
    with out.open("wb") as stream:
        process = subprocess.Popen(
            ["taskset", "-c", "0", *command], stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.DEVNULL
        )
    pipe = _input(process)
    for line in lines:
        pipe.write(line)
    pipe.close()
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime


def _engine(rules: Path, cache: Path) -> int:
    """Our side: the way of `czujka detect`, from standard input."""
    engine = Engine(load_rules([rules], cache), plans=load_plans(cache))
    settle()
    out = sys.stdout.buffer
    file = Path("-")
    events = ((index, normalise(line.rstrip(b"\n"), SOURCE)) for index, line in enumerate(sys.stdin.buffer))
    for index, event, found in matches(engine, events):
        for rule in found:
            out.write(result_line(file, index, rule, engine.matched_fields(rule, event)))
    if engine.lessons:
        save_plans(cache, engine.plans)
    return 0


if __name__ == "__main__":
    sys.exit(_engine(Path(sys.argv[1]), Path(sys.argv[2])))
