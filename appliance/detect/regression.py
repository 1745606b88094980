"""SigmaHQ's regression cases: a rule names an `info.yml`, which names files with events that the rule must match.

Layout (SigmaHQ repository): the rule has `regression_tests_path: regression_data/…/info.yml`; that file has
`rule_metadata: [{id, title}]` and `regression_tests_info: [{name, type, path, match_count}]`. All paths start at the
root of the release and stay inside `regression_data`. `match_count` is read as "at least", 0 as "none".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.importer import records
from appliance.normalise import Unreadable, normalise

from .engine import Engine
from .model import Rule, RuleSet
from .selftest import SOURCE, Failure
from .yamldoc import MAX_BYTES, Document, YamlFault, read_documents

KEY = "regression_tests_path"
#: The folder of a release that holds the cases; nothing else is looked into.
FOLDER = "regression_data"


@dataclass(frozen=True, slots=True)
class Case:
    """One file of events; `wanted` is the least number of events that must match, 0 means that none may."""

    line: int
    file: Path
    wanted: int


def info_of(rule: Rule) -> Path | None:
    """The rule's `info.yml`, looked for from the rule's folder upwards; None when it names none or none is there."""
    named = rule.custom.get(KEY)
    if not isinstance(named, str):
        return None
    places = (_inside(folder, named) for folder in Path(rule.source_file).resolve().parents)
    return next((place for place in places if place is not None and place.is_file()), None)


def check_regression(rule: Rule, info: Path) -> list[Failure]:
    """Run a rule over its regression cases; what `info.yml` gets wrong is a failure too."""
    root = info.resolve()
    for _ in Path(str(rule.custom.get(KEY, ""))).parts:
        root = root.parent
    found = list(_cases(info, root))
    failures = [each for each in found if isinstance(each, Failure)]
    for case in found:
        if isinstance(case, Case):
            failures.extend(_run(rule, info, case))
    return failures


def _run(rule: Rule, info: Path, case: Case) -> Iterator[Failure]:
    engine = Engine(RuleSet([rule], []))
    matches = 0
    for line in records(case.file):
        try:
            matches += bool(engine.match(normalise(line, SOURCE)))
        except Unreadable:
            # A damaged piece is no event; the count below says what is missing.
            continue
    if case.wanted == 0 and matches:
        yield Failure(str(info), case.line, f"reguła „{rule.title}” wykrywa zdarzenia w {case.file}, a nie powinna")
    elif matches < case.wanted:
        text = f"reguła „{rule.title}” wykrywa zdarzenia w {case.file}: {matches}, a powinna co najmniej {case.wanted}"
        yield Failure(str(info), case.line, text)


def _cases(info: Path, root: Path) -> Iterator[Case | Failure]:
    try:
        with info.open("rb") as stream:
            documents = read_documents(stream.read(MAX_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        yield Failure(str(info), 1, f"nie można odczytać pliku: {error}; popraw go")
        return
    except YamlFault as fault:
        yield Failure(str(info), fault.line, fault.message)
        return
    entries = documents[0].value.get("regression_tests_info") if _is_map(documents) else None
    if not isinstance(entries, list) or not entries:
        yield Failure(str(info), 1, "brak listy regression_tests_info; dodaj ją")
        return
    for place, entry in enumerate(entries):
        yield _case(info, _line(documents[0], place), entry, root)


def _is_map(documents: list[Document]) -> bool:
    return bool(documents) and isinstance(documents[0].value, dict)


def _line(document: Document, place: int) -> int:
    """Where an entry of the list starts."""
    (entries,) = [value for key, value in document.node.value if key.value == "regression_tests_info"]
    return int(entries.value[place].start_mark.line) + 1


def _case(info: Path, line: int, entry: object, root: Path) -> Case | Failure:
    named = entry.get("path") if isinstance(entry, dict) else None
    count = entry.get("match_count", 1) if isinstance(entry, dict) else None
    if not isinstance(named, str) or type(count) is not int or count < 0:
        wrong = "pozycja listy musi mieć path (tekst), a match_count jest liczbą od 0; popraw ją"
        return Failure(str(info), line, wrong)
    file = _inside(root, named)
    if file is None or not file.is_file():
        return Failure(str(info), line, f"nie ma pliku {named} w {root}; dodaj go albo popraw path")
    return Case(line, file, count)


def _inside(root: Path, named: str) -> Path | None:
    """The path under the root's folder of cases; None for any other. The text comes from strangers."""
    parts = Path(named).parts
    if "\0" in named or ".." in parts or parts[:1] != (FOLDER,):
        return None
    path = (root / named).resolve()
    return path if path.is_relative_to(root) else None
