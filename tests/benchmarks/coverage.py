"""What our own rules see of public attack samples, and how often they cry wolf in a quiet office.

`./czujka bench coverage [EVENTS]`: the share of sample files in which our rules alone, and ours with SigmaHQ, raise an
alert of level medium or higher; the files missed, each with its reason; the share of ours in SigmaHQ's regression
cases, without a bar; how many files each rule carries; and the rules of level high or higher that fire on a quiet
stream. Ends with 1 when a bar is not met or a missed file has no reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from appliance.detect import Engine, Event, Rule, RuleSet, load_rules
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.correlator import FOREVER, Correlator
from appliance.detect.selftest import CORRELATIONS, SIGMA
from tests.appliance.detect import corpus
from tests.appliance.detect.quiet_stream import quiet_stream
from tests.conftest import corpora_root

SAMPLES = "evtx-attack-samples"
CASES = "sigmahq/regression_data"
#: Why a sample file stays without an alert of ours: file under the samples' folder -> reason.
REASONS = Path(__file__).with_name("coverage_missed.yaml")
MEDIUM, HIGH = 2, 3
OWN_BAR, BOTH_BAR = 0.70, 0.85
QUIET_BAR = 0.001
EVENTS = 60_000
SEED = 7
Files = Mapping[str, Sequence[Event]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule set raised in sample files: file -> names of its rules and correlations of medium and higher."""

    alerts: Mapping[str, frozenset[str]]

    @property
    def missed(self) -> frozenset[str]:
        """Files without an alert."""
        return frozenset(file for file, names in self.alerts.items() if not names)

    @property
    def share(self) -> float:
        """The part of the files with an alert."""
        return 1 - len(self.missed) / len(self.alerts)


def main(argv: list[str]) -> int:
    """Print the figures; `argv` may hold the number of events of the quiet stream."""
    count = int(argv[0]) if argv else EVENTS
    corpora = corpora_root()
    files = sample_files(corpora)
    own, theirs = own_rules(), load_rules(corpus.rule_folders(corpora))
    ours, others = seen(own, files), seen(theirs, files)
    both = Seen({file: names | others.alerts[file] for file, names in ours.alerts.items()})
    reasons = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    print(f"own rules alone: {_share(ours)} (bar {OWN_BAR:.0%}); ours and SigmaHQ: {_share(both)} (bar {BOTH_BAR:.0%})")
    print(f"SigmaHQ alone: {_share(others)}")
    for file in sorted(ours.missed):
        also = "; SigmaHQ too" if file in both.missed else ""
        print(f"  missed: {file}{also}: {reasons.get(file, 'NO REASON WRITTEN')}")
    print(f"SigmaHQ's regression cases, own rules alone: {_share(seen(own, sample_files(corpora, CASES)))} (no bar)")
    _print_counts(ours)
    loud = _print_quiet(own, theirs, corpora, count)
    unexplained = ours.missed - reasons.keys()
    return int(bool(ours.share < OWN_BAR or both.share < BOTH_BAR or loud or unexplained))


def own_rules() -> RuleSet:
    """Our shipped rules and correlations."""
    return load_rules([SIGMA, CORRELATIONS])


def sample_files(corpora: Path, folder: str = SAMPLES) -> Files:
    """The attack samples of a folder: path under it -> events."""
    root = corpora / folder
    return {str(file.relative_to(root)): list(corpus.events_of(file)) for file in sorted(root.rglob("*.evtx"))}


def seen(ruleset: RuleSet, files: Files) -> Seen:
    """What the rules raise in each file; the correlations see one file at a time."""
    engine = Engine(ruleset)
    return Seen({file: _alerts(engine, ruleset, events) for file, events in files.items()})


def _alerts(engine: Engine, ruleset: RuleSet, events: Sequence[Event]) -> frozenset[str]:
    correlator = Correlator(ruleset, lateness=FOREVER)
    found: list[Rule | Correlation] = []
    for event in events:
        hits = engine.match(event)
        found += hits
        found += [match.correlation for match in correlator.offer(event, hits)]
    found += [match.correlation for match in correlator.finish()]
    return frozenset(Path(one.source_file).stem for one in found if one.level >= MEDIUM)


def quiet_samples(corpora: Path, theirs: RuleSet, own: RuleSet) -> tuple[list[Event], Counter[str]]:
    """Events of all samples on which no rule fires, and on how many events only ours of level high or higher do.

    The samples are attacks: where only ours fire they have found what SigmaHQ has not, so such an event is not quiet.
    """
    silent = Engine(theirs)
    events = [event for _, event in corpus.sample_events(corpora) if not silent.match(event)]
    engine = Engine(own)
    fired = [(event, engine.match(event)) for event in events]
    ours = Counter(Path(rule.source_file).stem for _, rules in fired for rule in rules if rule.level >= HIGH)
    return [event for event, rules in fired if not rules], ours


def loud_rules(ruleset: RuleSet, stream: Iterable[Event]) -> tuple[int, Counter[str]]:
    """The number of events, and how many of them each rule of level high or higher fires on."""
    engine = Engine(ruleset)
    hits: Counter[str] = Counter()
    count = 0
    for event in stream:
        count += 1
        hits.update(Path(rule.source_file).stem for rule in engine.match(event) if rule.level >= HIGH)
    return count, hits


def _share(found: Seen) -> str:
    return f"{len(found.alerts) - len(found.missed)} of {len(found.alerts)} files, {found.share:.1%}"


def _print_counts(found: Seen) -> None:
    counts = Counter(name for names in found.alerts.values() for name in names)
    only = Counter(next(iter(names)) for names in found.alerts.values() if len(names) == 1)
    print("files by rule (of them with no other rule of ours):")
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"  {count:3} ({only[name]}) {name}")


def _print_quiet(own: RuleSet, theirs: RuleSet, corpora: Path, count: int) -> bool:
    """Print the loudest rules of the quiet stream; whether one is over the bar."""
    samples, only_ours = quiet_samples(corpora, theirs, own)
    print("events of all samples on which rules of ours of level high or higher fire and none of SigmaHQ does:")
    print("  " + (", ".join(f"{name} {number}" for name, number in only_ours.most_common()) or "none"))
    size, hits = loud_rules(own, quiet_stream(samples, count, SEED))
    print(f"quiet stream of {size} events, seed {SEED}: {len(hits)} rules of level high or higher fire")
    for name, number in hits.most_common(12):
        print(f"  {number / size:.4%} {name}")
    return any(number / size > QUIET_BAR for number in hits.values())
