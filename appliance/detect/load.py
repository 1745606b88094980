"""Rules from files and folders."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .cache import RuleCache
from .correlation.model import Correlation
from .correlation.resolve import resolve
from .filters import apply_filters
from .lists import FOLDER as LISTS
from .lists import filled
from .model import RETIRED, Fault, Filter, ParsedFile, Rule, RuleSet
from .modifiers import NO_LISTS, Lists
from .moments import OFFICE
from .yamldoc import MAX_BYTES
from .zones import in_zone

_SUFFIXES = (".yml", ".yaml")
#: The office's policy lies among its rules and is none itself (appliance.rulesets.policy).
POLICY_FILE = "policy.yaml"
#: Content of other kinds lies beside rules as .yaml; a rule has one of these keys.
_MARK = re.compile(rb"""(?m)(?:^|[{,]\s*)["']?(?:detection|correlation|filter|logsource)["']?\s*:""")
#: Told of a later rule or correlation and of the earlier one with the same id; says whether that is meant.
Replaced = Callable[[Rule | Correlation, Rule | Correlation], bool]


def rule_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The rule files under the given files and folders, each once, in a steady order.

    Folders named for retired rules are passed over; a file that is named itself is always taken.
    """
    seen: set[Path] = set()
    for path in paths:
        for file in _under(path):
            if file not in seen:
                seen.add(file)
                yield file


def is_other(file: Path, content: bytes) -> bool:
    """Whether a file found in a folder is content of another kind: a `.yaml` without any key that only rules have."""
    return file.suffix == ".yaml" and not _MARK.search(content)


def _under(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    found: list[str] = []
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(set(folders) - RETIRED - {LISTS})
        found.extend(os.path.join(folder, name) for name in files if name.endswith(_SUFFIXES) and name != POLICY_FILE)  # noqa: PTH118  thousands
    return map(Path, sorted(found))


def load_rules(
    paths: Iterable[Path],
    cache: Path | None = None,
    *,
    retired: bool = False,
    lists: Lists = NO_LISTS,
    filtered: bool = True,
    replaced: Replaced | None = None,
    zone: str = OFFICE,
) -> RuleSet:
    """Load every rule under `paths`; what cannot be loaded is a fault, all faults at once.

    `cache` is a folder for compiled rules. `retired` also loads rules whose status is deprecated or unsupported.
    Of rules with one id only the first counts; the others are faults, unless `replaced` says that this is meant.
    `lists` are the values of placeholders, `zone` is where time parts are read. With `filtered` False the
    filters are only read; `apply_filters` applies those that are to be.
    """
    store, paths = RuleCache(cache), list(paths)
    rules: list[Rule] = []
    filters: list[Filter] = []
    correlations: list[Correlation] = []
    faults: list[Fault] = []
    left_out = others = 0
    first: dict[str, Rule | Correlation] = {}
    for file in rule_files(paths):
        parsed = _load_file(file, store, named=file in paths)
        others += parsed is None
        if parsed is None:
            continue
        faults.extend(parsed.faults)
        filters.extend(parsed.filters)
        found: tuple[Rule | Correlation, ...] = (*parsed.rules, *parsed.correlations)
        for rule in found:
            if rule.status in RETIRED and not retired:
                left_out += 1
                continue
            earlier = first.setdefault(rule.id, rule)
            if earlier is rule and isinstance(rule, Rule):
                rules.append(rule)
            elif earlier is rule and isinstance(rule, Correlation):
                correlations.append(rule)
            elif replaced is None or not replaced(rule, earlier):
                where = f"{earlier.source_file}:{earlier.line}"
                faults.append(
                    Fault(
                        rule.source_file,
                        rule.line,
                        f"identyfikator {rule.id} ma już reguła z {where}; nadaj tej regule inny (UUID)",
                    )
                )
    store.save()
    resolved = resolve(rules, correlations)
    faults.extend(resolved.faults)
    read = RuleSet(rules, faults, left_out, filters, list(resolved.correlations), others)
    return _completed(read, lists, zone, filtered=filtered)


def _completed(read: RuleSet, lists: Lists, zone: str, *, filtered: bool) -> RuleSet:
    """Placeholders filled, times read in the office's zone, filters applied: what depends on more than one file's text.

    None of it is cached.
    """
    rules, unfilled = filled(read.rules, lists)
    filters, unfilled_filters = filled(read.filters, lists)
    rules, filters = in_zone(rules, zone), in_zone(filters, zone)
    rules, lost = apply_filters(rules, filters) if filtered else (rules, [])
    faults = sorted(read.faults + unfilled + unfilled_filters + lost)
    return RuleSet(rules, faults, read.retired, filters, read.correlations, read.others)


def _load_file(file: Path, store: RuleCache, *, named: bool) -> ParsedFile | None:
    """What a file holds; None when it was only found in a folder and is no rule file."""
    name = str(file)
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return ParsedFile(
            faults=[
                Fault(
                    name,
                    1,
                    f"nie można odczytać pliku: {error.strerror}; sprawdź, czy plik istnieje i czy masz do niego prawa",
                )
            ]
        )
    if not named and is_other(file, content):
        return None
    digest = hashlib.sha256(content).hexdigest()
    parsed = store.get(name, digest)
    if parsed is None:
        # pySigma takes longer to import than a cached rule set takes to load.
        from .parse import parse_file  # noqa: PLC0415 - slower to import than cached rules are to load

        parsed = parse_file(name, content, None)
        store.put(digest, parsed)
    return parsed
