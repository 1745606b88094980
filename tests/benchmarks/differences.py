"""Our matches beside rsigma's, event by event and rule by rule; every difference must have a reason.

`./czujka bench differences [--rsigma PATH] [EVENTS]`: both get the same Windows rules and the same tagged records,
those of the contest's two streams, of all shared samples, and records made of each rule (`_by_rules.py`). What only
one of them finds is sorted by its cause. A cause is not believed but tried: a record is given to rsigma again with the
one thing changed that is said to be the cause, and the two must agree then. Ends with 1 when a difference is left
without a cause.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import yaml

from appliance.detect import Engine, Rule, Value, event_class, field_names, matches
from appliance.detect.nodes import fields
from appliance.detect.resolve import with_renames
from appliance.detect.routes import shipped_routes
from appliance.normalise import normalise
from appliance.normalise.schema import windows
from tests.appliance.detect.corpus import SOURCE
from tests.benchmarks import _by_rules, _contest, _streams
from tests.conftest import corpora_root

#: Why one of the two matches alone: `alone` is who, `tried` names one of `TRIALS`.
CAUSES = Path(__file__).with_name("differences_causes.yaml")
SHOWN = 20
Line = bytes
Found = set[tuple[Line, str]]
"""Records, and the ids of the rules that they match."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A match that only one of the two has."""

    alone: str
    line: Line
    rule: Rule


class Rsigma:
    """rsigma over records, in the lane of the contest."""

    def __init__(self, program: str, rules: Path) -> None:
        self._command = [*_contest.rsigma_command(program, rules), "--include-event"]

    def matches(self, lines: Iterable[Line]) -> Found:
        """What matches. Raises KeyError when it tells of a record that it was not given."""
        given = {_canonical(orjson.loads(line)): line for line in lines}
        told = subprocess.run(self._command, input=b"".join(given.values()), stdout=subprocess.PIPE, check=True).stdout
        rows = map(orjson.loads, told.splitlines())
        return {(given[_canonical(row["event"])], row["rule_id"]) for row in rows}


def main(argv: list[str]) -> int:
    """Compare and print; 0 when every difference has a cause."""
    parser = argparse.ArgumentParser(prog="czujka bench differences")
    parser.add_argument("events", nargs="?", type=int, default=_contest.EVENTS, help="of each of the two streams")
    parser.add_argument("--rsigma", default=shutil.which("rsigma"), help="its program")
    arguments = parser.parse_args(argv)
    if arguments.rsigma is None:
        print("rsigma is not there: say --rsigma PATH")
        return 0
    with TemporaryDirectory() as folder:
        return _compare(arguments.rsigma, Path(folder) / "rules", arguments.events)


def _compare(program: str, folder: Path, count: int) -> int:
    corpora = corpora_root()
    ruleset = _contest.routed_rules(corpora, folder)
    engine, rsigma = Engine(ruleset), Rsigma(program, folder)
    by_id = {rule.id: rule for rule in ruleset.rules}
    tag = _contest.Tagger().tagged
    maker = _by_rules.Maker()
    made = (orjson.dumps(record) for rule in ruleset.rules for record in maker.records(rule))
    samples = map(orjson.dumps, _streams.samples(corpora))
    unexplained: list[Difference] = []
    for name, stream in {"samples": samples, "made of rules": made, **_contest.streams(corpora, engine, count)}.items():
        # Neither remembers anything from one event to the next: the same record again is nothing new.
        lines = list(dict.fromkeys(map(tag, stream)))
        ours, theirs = _ours(engine, lines), rsigma.matches(lines)
        sides = (("czujka", ours - theirs), ("rsigma", theirs - ours))
        found = [Difference(alone, line, by_id[rule]) for alone, side in sides for line, rule in side]
        causes = _causes(found, rsigma)
        rules = {rule for _, rule in ours | theirs}
        print(f"{name}: {len(lines)} different records; matches of both {len(ours & theirs)}, of czujka alone "
              f"{len(ours - theirs)}, of rsigma alone {len(theirs - ours)}; of {len(rules)} rules")  # fmt: skip
        _tell(found, causes)
        unexplained += [one for one in found if causes[one] is None]
    for one in unexplained[:SHOWN]:
        print(f"NO CAUSE: {one.alone} alone: {one.rule.id} {one.rule.title}: {one.line.decode().rstrip()}")
    return int(bool(unexplained))


def _ours(engine: Engine, lines: Sequence[Line]) -> Found:
    events = ((line, normalise(line.rstrip(b"\n"), SOURCE)) for line in lines)
    return {(line, rule.id) for line, _, found in matches(engine, events) for rule in found}


def _causes(found: Sequence[Difference], rsigma: Rsigma) -> dict[Difference, str | None]:
    """The cause of each difference, or None: the first in the file that fits."""
    causes: dict[Difference, str | None] = dict.fromkeys(found)
    for cause in yaml.safe_load(CAUSES.read_text(encoding="utf-8")):
        left = [one for one in found if causes[one] is None and one.alone == cause["alone"]]
        left = _confirmed(left, cause["tried"], rsigma)
        causes.update(dict.fromkeys(left, cause["cause"]))
    return causes


def _confirmed(found: Sequence[Difference], trial: str, rsigma: Rsigma) -> list[Difference]:
    """Those on which rsigma agrees with us when their record is changed as a trial says."""
    changed = {one: _canonical(TRIALS[trial](one)) + b"\n" for one in found}
    again = rsigma.matches(changed.values())
    return [one for one, line in changed.items() if ((line, one.rule.id) in again) is (one.alone == "czujka")]


def _tagged(one: Difference) -> Mapping[str, Any]:
    """The record as one of the rule's log source, though others would claim it, too."""
    source = one.rule.logsource
    tags = {"category": source.category or "none", "service": source.service or "none"}
    return {**orjson.loads(one.line), **tags}


def _renamed(one: Difference) -> Mapping[str, Any]:
    """The record with the rule's missing fields, where we find them: values of the record that have another name there.

    What our normaliser makes of a value (a decimal number of "0x410") is none of the record's, and is not given.
    """
    record = _tagged(one)
    values = set(record.values())
    return {**{name: value for name, value in _as_seen(one).items() if value in values}, **record}


def _untyped(one: Difference) -> Mapping[str, Any]:
    """The record without fields of addresses that we keep under a name of their own, because their text is none."""
    kind = event_class(normalise(one.line.rstrip(b"\n"), SOURCE))
    group = windows().group(kind.channel, kind.code)
    seen, typed = _as_seen(one), group.addresses if group else {}
    unseen = {name for name in typed if name in seen and seen[name] is None}
    return {name: value for name, value in _tagged(one).items() if name not in unseen}


def _as_seen(one: Difference) -> Mapping[str, Value | None]:
    """The rule's fields with the values that our engine finds for them."""
    event, found = normalise(one.line.rstrip(b"\n"), SOURCE), {}
    for feed in shipped_routes().feeds(one.rule.logsource):
        if _contest.belongs(feed, event):
            key = with_renames(field_names(event_class(event)), feed.renames)
            found.update({name: event.get(key(name)) for name in fields(one.rule.node) if name})
    return found


TRIALS = {"tags": _tagged, "names": _renamed, "types": _untyped}


def _canonical(record: Mapping[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)


def _tell(found: Sequence[Difference], causes: Mapping[Difference, str | None]) -> None:
    rules: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in found:
        rules[causes[one] or "NO CAUSE", one.alone][one.rule.title] += 1
    for (cause, alone), titles in sorted(rules.items()):
        most = ", ".join(f"{title} ({count})" for title, count in titles.most_common(3))
        print(f"  {cause}: {alone} alone, {titles.total()} of {len(titles)} rules: {most}")
