"""Rules that were added or changed look through the past by themselves, all of one change in one hunt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.service import Actor
from appliance.clock import DAY
from appliance.detect import Rule
from appliance.hunt.asked import NAME, Wish, ask, huntable
from appliance.language.catalogue import Catalogue, load
from appliance.rulesets import ActiveRules
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.hunts import HuntOrigin, RuleSeen, RulesMark

CATALOGUE = Path(__file__).parent / "catalogue" / "names.yml"
ITSELF = Actor("czujka")


@dataclass(slots=True)
class Follower:
    """Looks from time to time whether other rules are in force.

    `mark` gives a text that changes when that may be so, cheaply; `load` gives the rules, `empty` says whether the
    store has no events.
    """

    sessions: sessionmaker[Session]
    settings: Settings
    mark: Callable[[], str]
    load: Callable[[], ActiveRules]
    empty: Callable[[], bool]
    clock: Callable[[], int]
    _before: str = field(default="", init=False)

    def look(self) -> int | None:
        """Ask for a hunt if rules have changed; return its number.

        A change counts once it has stood from one look to the next: files that are saved one after another make one
        hunt, and the pipeline has the rules by then, so that no event falls between its look and the hunt's.
        Raises what loading rules raises, SQLAlchemyError, StoreUnavailable, HuntsFull.
        """
        mark = hashlib.sha256(self.mark().encode()).hexdigest()
        with self.sessions() as session:
            known = session.scalar(select(RulesMark.mark))
        if mark == known or mark != self._before:
            self._before = mark
            return None
        loaded = self.load()
        rules = huntable(loaded)
        digests = digests_of(rules.values(), loaded.lists)
        empty = self.empty()
        with writing(self.sessions) as session:
            changed = note(session, digests, self.clock())
            session.merge(RulesMark(id=1, mark=mark))
            if not changed or empty or not self.settings.hunts.days:
                return None
            return self._ask(session, rules, changed)

    def _ask(self, session: Session, rules: Mapping[str, Rule], changed: list[str]) -> int:
        now = self.clock()
        name = name_of([rules[one] for one in changed], self.settings.language)
        since = max(0, now - self.settings.hunts.days * DAY)
        wish = Wish(name, tuple(changed), since, now, origin=HuntOrigin.CHANGE)
        return ask(session, wish, ITSELF, now).id


def note(session: Session, digests: Mapping[str, str], now: int) -> list[str]:
    """Write down which rules are in force; return those that were not, or were other ones, before.

    What is in force no more is forgotten: it looks through the past again when it comes back.
    """
    seen = {row.rule_id: row for row in session.scalars(select(RuleSeen))}
    changed = [name for name, digest in digests.items() if name not in seen or seen[name].digest != digest]
    for name in changed:
        session.merge(RuleSeen(rule_id=name, digest=digests[name], changed_at=now))
    for name in seen.keys() - digests.keys():
        session.execute(delete(RuleSeen).where(RuleSeen.rule_id == name))
    return changed


def changed_since(session: Session, moment: int) -> set[str]:
    """Return the ids of rules that came in force as they are at a moment or later, in microseconds."""
    return set(session.scalars(select(RuleSeen.rule_id).where(RuleSeen.changed_at >= moment)))


def digests_of(rules: Iterable[Rule], lists: Mapping[str, str]) -> dict[str, str]:
    """Return the digest of each rule's file, and of the lists that it names, by the rule's id.

    A file that cannot be read counts as empty. `lists` has a text for each list that is another when a value has come.
    """
    files: dict[str, str] = {}

    def digest(file: str) -> str:
        if file not in files:
            files[file] = _sha(Path(file))
        return files[file]

    def whole(rule: Rule) -> str:
        named = [lists.get(name.casefold(), "") for name in rule.placeholders]
        parts = "\n".join((digest(rule.source_file), *named))
        return hashlib.sha256(parts.encode()).hexdigest() if named else digest(rule.source_file)

    return {rule.id: whole(rule) for rule in rules}


def _sha(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return hashlib.sha256(b"").hexdigest()


def name_of(rules: list[Rule], language: str) -> str:
    """Return what a hunt with these rules is called that nobody gave a name."""
    if len(rules) == 1:
        return _names().text("hunt.of_rule", language, title=rules[0].title)[:NAME]
    return _names().text("hunt.of_rules", language, n=len(rules))[:NAME]


@cache
def _names() -> Catalogue:
    return load([CATALOGUE])
