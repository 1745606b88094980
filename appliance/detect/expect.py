"""What a backtest should find: bounds on the matches of rules, read from YAML with the line of every fault.

RULE-ID: {at_least: 1}
RULE-ID: {at_least: 2, at_most: 10}
RULE-ID: {exactly: 0}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .model import Fault
from .yamldoc import MAX_BYTES, Document, YamlFault, read_documents

_BOUNDS = ("at_least", "at_most", "exactly")
_HOW = "napisz na przykład {at_least: 1}, {at_most: 5} albo {exactly: 0}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Bounds on the matches of one rule; `line` is where they stand. `at_most` None means any number."""

    rule_id: str
    line: int
    at_least: int = 0
    at_most: int | None = None

    def holds(self, matches: int) -> bool:
        """Whether a number of matches is within the bounds."""
        return self.at_least <= matches and (self.at_most is None or matches <= self.at_most)

    def __str__(self) -> str:
        if self.at_least == self.at_most:
            return f"= {self.at_least}"
        low = f"≥ {self.at_least}" if self.at_least or self.at_most is None else ""
        high = "" if self.at_most is None else f"≤ {self.at_most}"
        return ", ".join(filter(None, (low, high)))


def parse_expectations(file: str, content: bytes, known: Collection[str]) -> tuple[list[Expectation], list[Fault]]:
    """Return the expectations of a file and all its faults; `known` are the ids of the rules that are run."""
    if len(content) > MAX_BYTES:
        return [], [Fault(file, 1, f"plik ma ponad {MAX_BYTES} bajtów; podziel go na mniejsze")]
    try:
        documents = read_documents(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return [], [Fault(file, 1, "tekst nie jest w kodowaniu UTF-8; zapisz plik w UTF-8")]
    except YamlFault as fault:
        return [], [Fault(file, fault.line, fault.message)]
    if len(documents) != 1 or not isinstance(documents[0].value, dict) or not documents[0].value:
        return [], [Fault(file, 1, f"plik ma być jedną mapą: identyfikator reguły i granice; {_HOW}")]
    found: list[Expectation] = []
    faults: list[Fault] = []
    for each in _entries(file, documents[0], known):
        if isinstance(each, Fault):
            faults.append(each)
        else:
            found.append(each)
    return found, faults


def _entries(file: str, document: Document, known: Collection[str]) -> Iterator[Expectation | Fault]:
    for key, bounds in document.value.items():
        line = document.line_of(key) if isinstance(key, str) else document.line
        if not isinstance(key, str) or key not in known:
            yield Fault(file, line, f"nie ma reguły o identyfikatorze {key!r}; popraw go albo podaj jej plik w --rules")
            continue
        wrong = _wrong(bounds)
        if wrong:
            yield Fault(file, line, f"{wrong}; {_HOW}")
            continue
        exactly = bounds.get("exactly")
        least = bounds.get("at_least", 0) if exactly is None else exactly
        yield Expectation(key, line, least, bounds.get("at_most") if exactly is None else exactly)


def _wrong(bounds: object) -> str:
    """What is wrong with the bounds of one rule; empty when nothing is."""
    if not isinstance(bounds, dict) or not bounds:
        return "granice mają być mapą"
    unknown = [str(name) for name in bounds if name not in _BOUNDS]
    if unknown:
        return f"nieznane granice: {', '.join(unknown)}"
    if any(type(value) is not int or value < 0 for value in bounds.values()):
        return "granica ma być liczbą całkowitą od 0"
    if "exactly" in bounds and len(bounds) > 1:
        return "exactly wyklucza pozostałe granice"
    if bounds.get("at_least", 0) > bounds.get("at_most", bounds.get("at_least", 0)):
        return "at_least jest większe niż at_most"
    return ""
