"""Which rules are in force, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

import rules
from appliance import clock
from appliance.detect import Fault, Rule, RuleSet, load_rules
from appliance.detect.correlation import Correlation
from appliance.detect.lists import read_lists
from appliance.detect.model import RETIRED
from appliance.detect.modifiers import Lists
from appliance.home import Home
from appliance.settings import Settings

from .filters import narrowed
from .force import Force, in_force
from .kept import Kept, kept
from .lists import joined, list_marks
from .policy import Off, Policy, Why, read_policy, unknown_ids
from .shelf import Shelf, ShelfDamaged, Versioned

__all__ = ["ActiveRules", "Kind", "Listed", "Off", "Origin", "Why", "active_rules", "listed", "origins"]

Replaced = tuple[Rule | Correlation, Rule | Correlation]
"""A rule or correlation, and the one of an earlier place that stands for it."""


class Kind(StrEnum):
    """Where a rule is from."""

    OFFICE = "office"
    FOLDER = "folder"
    SHIPPED = "shipped"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Origin(Versioned):
    """Where rules are from, and under which licence."""

    kind: Kind
    folder: Path
    name: str = ""
    version: str = ""
    licence: str = ""
    licence_url: str = ""
    url: str = ""


SHIPPED = Origin(Kind.SHIPPED, rules.ROOT, "Czujka", licence="EUPL-1.2")


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule or correlation as the office has it: its final level, where it is from, why it is off (None: it is on)."""

    rule: Rule | Correlation
    origin: Origin
    off: Off | None
    level: int
    """The level that its author gave it."""
    former: bool = False
    """Its file has a fault now; what was read of it before stays in force."""
    serves: tuple[str, ...] = ()
    """The ids of the correlations in force that refer to it."""
    silent: bool = False
    """It is at work for these alone: it gives no alerts of its own. `off` is then why it would be off by itself."""

    @property
    def licence(self) -> str:
        """What the rule says of its licence, else its origin."""
        return self.rule.licence or self.origin.licence

    @property
    def at_work(self) -> bool:
        """Whether it is in force, for itself or for correlations."""
        return self.off is None or bool(self.serves)


@dataclass(frozen=True, slots=True)
class ActiveRules(RuleSet):
    """The rules in force, as a rule set, with all that an office has.

    A rule that only feeds correlations, because the policy has switched off its kind, is among them as informational.
    """

    listed: tuple[Listed, ...] = ()
    origins: tuple[Origin, ...] = ()
    policy: Policy = field(default_factory=Policy)
    refused: str = ""
    """What of the office's wishes could not be followed: the first fault of the policy."""
    lists: Mapping[str, str] = field(default_factory=dict)
    """For each list that rules may name a text that is another when a value has come."""


def origins(home: Home, settings: Settings, installed: Iterable[Origin]) -> tuple[Origin, ...]:
    """Return where rules are read from, in the order in which they replace each other."""
    return (
        Origin(Kind.OFFICE, home.rules),
        *(Origin(Kind.FOLDER, folder, str(folder)) for folder in settings.rules.folders),
        SHIPPED,
        *installed,
    )


def installed(shelf: Shelf) -> list[Origin]:
    """Return the releases in force. Raises ShelfDamaged."""
    return [
        Origin(Kind.IMPORTED, shelf.files(one.id), one.name, one.version, one.licence, one.licence_url, one.url)
        for one in shelf.current()
    ]


def paths(places: Iterable[Origin]) -> list[Path]:
    """Return the folders and files that rules are read from."""
    shipped = [folder for name in ("sigma", "correlation") if (folder := rules.ROOT / name).is_dir()]
    return [path for one in places for path in (shipped if one.kind is Kind.SHIPPED else [one.folder])]


def active_rules(
    home: Home,
    settings: Settings,
    sessions: sessionmaker[Session] | None = None,
    before: ActiveRules | None = None,
    moment: int | None = None,
    *,
    indicators: Lists | None = None,
) -> ActiveRules:
    """Return the rules in force at a moment (µs; now).

    With `sessions` exceptions, stopped rules and indicators count; `indicators` are lists of these for who has none.
    `before` is what is in force so far: what cannot be read now stays as it was there. Without it, damage is a fault
    and the rest is loaded. Raises SQLAlchemyError, and ShelfDamaged when there is a `before`.
    """
    shelf = Shelf(home.rulesets)
    faults: list[Fault] = []
    try:
        places = origins(home, settings, installed(shelf))
    except ShelfDamaged as error:
        if before is not None:
            raise
        places = origins(home, settings, [])
        faults.append(Fault(str(shelf.pointer), 1, str(error)))
    state = kept(sessions, clock.now() if moment is None else moment) if sessions else Kept(lists=indicators or {})
    of_office, list_faults = read_lists(home.lists)
    faults.extend(list_faults)
    lists = joined(of_office, state.lists)
    loaded, replaced = load_places(places, home.cache, lists, settings.rules.time_zone)
    policy, policy_faults = read_policy(home.policy)
    if policy_faults:
        policy = before.policy if before else Policy()
    else:
        known = frozenset(rule.id for rule in whole(loaded))
        faults.extend(unknown_ids(str(home.policy), policy, known))
    book = _Book(places, policy, state)
    found = [book.entry(rule) for rule in whole(loaded)]
    found.extend(book.replaced(rule, earlier) for rule, earlier in replaced)
    found.extend(_former(before, book, found, loaded.faults))
    faults += policy_faults
    active = _active(loaded, found, faults, book, policy_faults[0] if policy_faults else None)
    return replace(active, lists=list_marks(of_office, state.grown))


def whole(ruleset: RuleSet) -> list[Rule | Correlation]:
    """Return the rules of a set, and then its correlations."""
    return [*ruleset.rules, *ruleset.correlations]


def load_places(
    places: Sequence[Origin], cache: Path | None, lists: Lists, zone: str
) -> tuple[RuleSet, list[Replaced]]:
    """Load everything; return it, and each rule whose id a rule of an earlier place has, with that one.

    Filters of files are only read: what hides events in the box are exceptions, which two people have agreed to.
    """
    again: list[Replaced] = []

    def replaced(rule: Rule | Correlation, earlier: Rule | Correlation) -> bool:
        if origin_of(rule, places) is origin_of(earlier, places):
            return False
        again.append((rule, earlier))
        return True

    loaded = load_rules(paths(places), cache, retired=True, lists=lists, filtered=False, replaced=replaced, zone=zone)
    return loaded, again


def origin_of(rule: Any, places: Sequence[Origin]) -> Origin:
    """Return where a rule is from."""
    file = Path(rule.source_file)
    parts = file.parts
    fitting = [one for one in places if parts[: len(one.folder.parts)] == one.folder.parts]
    return max(fitting, key=lambda one: len(one.folder.parts)) if fitting else Origin(Kind.FOLDER, file.parent)


class _Book:
    """Makes the entries of the list."""

    def __init__(self, places: Sequence[Origin], policy: Policy, state: Kept) -> None:
        self.places, self.policy, self.state = tuple(places), policy, state

    def entry(self, rule: Rule | Correlation) -> Listed:
        level = self.policy.levels.get(rule.id, rule.level)
        final = rule if level == rule.level else replace(rule, level=level)
        share = self.state.stopped.get(rule.id)
        off = self.policy.judge(final) or (None if share is None else Off(Why.COSTLY, f"{share:.0%}"))
        return Listed(final, origin_of(rule, self.places), off, rule.level)

    def replaced(self, rule: Rule | Correlation, earlier: Rule | Correlation) -> Listed:
        return Listed(rule, origin_of(rule, self.places), Off(Why.REPLACED, earlier.source_file), rule.level)


def _former(before: ActiveRules | None, book: _Book, found: Sequence[Listed], faults: Sequence[Fault]) -> list[Listed]:
    """Return what was in force before and whose file cannot be read now: it stays until the file is mended."""
    if before is None:
        return []
    faulty, there = {fault.file for fault in faults}, {one.rule.id for one in found}
    return [
        replace(one, former=True, off=book.entry(one.rule).off)
        for one in before.listed
        if one.off is None and one.rule.source_file in faulty and one.rule.id not in there
    ]


def _active(
    loaded: RuleSet, found: Sequence[Listed], faults: Sequence[Fault], book: _Book, refused: Fault | None
) -> ActiveRules:
    values = {one.name: getattr(loaded, one.name) for one in fields(loaded)}
    offs = {one.rule.id: one.off for one in found if one.off is None or one.off.why is not Why.REPLACED}
    force = in_force([one.rule for one in found if not (one.off and one.off.why is Why.REPLACED)], offs)
    found = [_settled(one, force) for one in found if one.rule.id not in force.lost]
    on, bad = narrowed(force.rules, book.state.filters)
    bad.extend(
        Fault(one.source_file, one.line, f"filtr „{one.title}” z pliku nie działa; zaproponuj go jako wyjątek w panelu")
        for one in loaded.filters
    )
    values |= {
        "rules": on,
        "correlations": force.correlations,
        "faults": sorted([*loaded.faults, *faults, *bad]),
        "retired": sum(1 for one in found if one.off and one.rule.status in RETIRED),
    }
    return ActiveRules(
        **values, listed=tuple(found), origins=book.places, policy=book.policy, refused=str(refused) if refused else ""
    )


def _settled(one: Listed, force: Force) -> Listed:
    if one.off is not None and one.off.why is Why.REPLACED:
        return one
    name = one.rule.id
    off = one.off or force.idle.get(name)
    return replace(one, off=off, serves=force.serves.get(name, ()), silent=name in force.silent)


def listed(ruleset: RuleSet) -> Sequence[Listed]:
    """Return the list of a rule set; one that was loaded without an office has only rules that are on."""
    if isinstance(ruleset, ActiveRules):
        return ruleset.listed
    force = in_force(whole(ruleset), dict.fromkeys(rule.id for rule in whole(ruleset)))
    return [_settled(Listed(rule, SHIPPED, None, rule.level), force) for rule in whole(ruleset)]
