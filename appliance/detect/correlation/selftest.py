"""A correlation's own events: scenes in which it must match, and scenes in which it must not.

A scene is some lines of `match.ndjson` or `miss.ndjson`; an empty line ends it. Scenes know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.detect.model import RuleSet
from appliance.detect.selftest import KINDS, SOURCE, Failure, events_file
from appliance.detect.values import Event
from appliance.normalise import Unreadable, normalise

from .model import Correlation
from .reading import correlate, narrowed


def check_correlation(ruleset: RuleSet, correlation: Correlation, folder: Path) -> list[Failure]:
    """Run a correlation over its own scenes; `ruleset` has the rules that it refers to."""
    alone = narrowed(ruleset, correlation)
    failures = []
    for kind, wanted in KINDS:
        file = events_file(folder, kind)
        scenes = list(_scenes(file)) if file.is_file() else []
        if not scenes:
            failures.append(
                Failure(str(file), 1, f"brak własnych zdarzeń korelacji „{correlation.title}”; dodaj je do tego pliku")
            )
        for line, lines in scenes:
            failures.extend(_check(alone, correlation, file, line, lines, wanted=wanted))
    return failures


def _scenes(file: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Each scene with the number of its first line."""
    scene: list[bytes] = []
    start = 1
    for number, line in enumerate([*file.read_bytes().splitlines(), b""], 1):
        if line.strip():
            scene.append(line)
            continue
        if scene:
            yield start, scene
        scene, start = [], number + 1


def _check(
    ruleset: RuleSet, correlation: Correlation, file: Path, first: int, lines: list[bytes], *, wanted: bool
) -> Iterator[Failure]:
    events: list[Event] = []
    for number, line in enumerate(lines, first):
        try:
            events.append(normalise(line, SOURCE))
        except Unreadable as error:
            yield Failure(str(file), number, f"to nie jest zdarzenie: {error.reason}; popraw ten wiersz")
    found = any(match.correlation.id == correlation.id for match in correlate(ruleset, events))
    if found is not wanted:
        said = "nie wykrywa sceny, którą ma wykryć" if wanted else "wykrywa scenę, której ma nie wykryć"
        yield Failure(str(file), first, f"korelacja „{correlation.title}” {said}; popraw korelację albo zdarzenia")
