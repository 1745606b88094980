"""A rule's own events: what it must match, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.home import CHECKOUT
from appliance.normalise import Source, Unreadable, normalise
from rules import ROOT

from .engine import Engine
from .model import Rule, RuleSet

#: Where the shipped rules and their events lie.
SIGMA = ROOT / "sigma"
CORRELATIONS = ROOT / "correlation"
#: Beside the rules where they are installed (see the wheel in pyproject.toml), else in the checkout.
EVENTS = ROOT / "events" if (ROOT / "events").is_dir() else CHECKOUT / "tests" / "rules"
#: When the events are said to have arrived (2026-01-01, microseconds): a rule must not depend on it.
_ARRIVED = 1_767_225_600_000_000
_AGENT = "00000000-0000-4000-8000-000000000000"
SOURCE = Source(_AGENT, _ARRIVED)
#: The two files and whether the rule must match what is in them.
KINDS = (("match", True), ("miss", False))


@dataclass(frozen=True, slots=True)
class Failure:
    """One own event that a rule got wrong, or events that are missing."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def events_folder(rule_file: Path) -> Path:
    """Where a rule file's own events lie: under tests/rules for shipped rules, beside the file for others."""
    file = rule_file.resolve()
    if file.is_relative_to(SIGMA):
        return EVENTS / file.relative_to(SIGMA).with_suffix("")
    if file.is_relative_to(CORRELATIONS):
        return EVENTS / file.relative_to(CORRELATIONS.parent).with_suffix("")
    return file.with_suffix("")


def events_file(folder: Path, kind: str) -> Path:
    """The file with events of a kind (`match`, `miss`): in the folder, or as FOLDER.KIND.ndjson beside the rule."""
    beside = folder.with_name(f"{folder.name}.{kind}.ndjson")
    return beside if beside.is_file() else folder / f"{kind}.ndjson"


def has_events(folder: Path) -> bool:
    """Whether a rule has any events of its own."""
    return any(events_file(folder, kind).is_file() for kind, _ in KINDS)


def check_rule(rule: Rule, folder: Path) -> list[Failure]:
    """Run a rule over its own events."""
    engine = Engine(RuleSet([rule], []))
    failures = []
    for kind, wanted in KINDS:
        file = events_file(folder, kind)
        if not file.is_file():
            failures.append(_missing(rule, file))
            continue
        failures.extend(_check(engine, rule, file, wanted))
    return failures


def _missing(rule: Rule, file: Path) -> Failure:
    return Failure(str(file), 1, f"brak własnych zdarzeń reguły „{rule.title}”; dodaj je do tego pliku")


def _check(engine: Engine, rule: Rule, file: Path, wanted: bool) -> Iterable[Failure]:
    number = 0
    for number, line in _lines(file):
        try:
            event = normalise(line, SOURCE)
        except Unreadable as error:
            yield Failure(str(file), number, f"to nie jest zdarzenie: {error.reason}; popraw ten wiersz")
            continue
        if bool(engine.match(event)) is not wanted:
            said = "nie wykrywa zdarzenia, które ma wykryć" if wanted else "wykrywa zdarzenie, którego ma nie wykryć"
            yield Failure(str(file), number, f"reguła „{rule.title}” {said}; popraw regułę albo to zdarzenie")
    if not number:
        yield _missing(rule, file)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if line.strip():
            yield number, line
