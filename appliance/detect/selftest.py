"""A rule's own events: what it must match, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Iterable
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
EVENTS = CHECKOUT / "tests" / "rules"
#: When the events are said to have arrived (2026-01-01, microseconds): a rule must not depend on it.
ARRIVED = 1_767_225_600_000_000
AGENT = "00000000-0000-4000-8000-000000000000"


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


def check_rule(rule: Rule, folder: Path) -> list[Failure]:
    """Run a rule over its own events."""
    engine = Engine(RuleSet([rule], []))
    failures = []
    for name, wanted in (("match.ndjson", True), ("miss.ndjson", False)):
        file = folder / name
        if not file.is_file():
            failures.append(
                Failure(str(file), 1, f"brak własnych zdarzeń reguły „{rule.title}”; dodaj je do tego pliku")
            )
            continue
        failures.extend(_check(engine, rule, file, wanted))
    return failures


def _check(engine: Engine, rule: Rule, file: Path, wanted: bool) -> Iterable[Failure]:
    lines = [(number, line) for number, line in enumerate(file.read_bytes().splitlines(), 1) if line.strip()]
    if not lines:
        yield Failure(str(file), 1, f"brak własnych zdarzeń reguły „{rule.title}”; dodaj je do tego pliku")
    for number, line in lines:
        try:
            event = normalise(line, Source(AGENT, ARRIVED))
        except Unreadable as error:
            yield Failure(str(file), number, f"to nie jest zdarzenie: {error.reason}; popraw ten wiersz")
            continue
        if bool(engine.match(event)) is not wanted:
            said = "nie wykrywa zdarzenia, które ma wykryć" if wanted else "wykrywa zdarzenie, którego ma nie wykryć"
            yield Failure(str(file), number, f"reguła „{rule.title}” {said}; popraw regułę albo to zdarzenie")
