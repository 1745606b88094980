"""An explanation as lines of text, in Polish or English."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from appliance.cli.search import clean
from appliance.detect import Rule, Tree
from appliance.detect.explain import KEYWORDS
from appliance.detect.flips import flips
from appliance.detect.values import texts
from appliance.web.i18n import Catalogue, load

if TYPE_CHECKING:
    from appliance.rulesets import Listed

#: Characters of one value that are shown.
_SHOWN = 160
_STEP = "  "


@lru_cache(maxsize=1)
def _catalogue() -> Catalogue:
    return load()


def lines(rule: Rule, tree: Tree, lang: str) -> Iterator[str]:
    """What to print for one rule and one event: the verdict, the condition, and what would change the verdict."""
    words = Words(lang)
    verdict = "explain.matches" if tree.truth else "explain.misses"
    yield words.text(verdict, title=clean(rule.title))
    yield from words.branch(tree, "")
    if tree.truth:
        return
    changes = flips(tree)
    if changes is None:
        yield words.text("explain.never")
    elif tree.name != "logsource":
        yield words.text("explain.needed", n=len(changes))
        for leaf in changes:
            yield _STEP + words.leaf(leaf)


def place_lines(listed: Listed | None, lang: str) -> list[str]:
    """What to print of where a box has a rule from, and whether it is at work; nothing without a box."""
    if listed is None:
        return []
    words = Words(lang)
    return [words.text("explain.place", file=clean(listed.rule.source_file), state=words.state(listed))]


class Words:
    """The catalogue's texts in a language, for a terminal."""

    def __init__(self, lang: str) -> None:
        self._lang = lang

    def text(self, key: str, **values: object) -> str:
        """A text of the catalogue, with the spaces of a terminal."""
        return _catalogue().text(key, self._lang, **values).replace("\u00a0", " ")

    def state(self, listed: Listed) -> str:
        """Whether a rule works in a box, and why not."""
        if listed.off is None or listed.at_work:
            return self.text("rules.former" if listed.former else "rules.serves_only" if listed.silent else "rules.on")
        level = listed.off.why.value == "level"
        detail = self.text(f"level.{listed.rule.level}") if level else clean(listed.off.detail)
        return self.text(f"rules.off.{listed.off.why.value}", detail=detail)

    def branch(self, tree: Tree, before: str) -> Iterator[str]:
        """One part of a condition and what is below it."""
        truth = self.text("explain.yes" if tree.truth else "explain.no")
        if tree.kind == "leaf":
            yield f"{before}{truth}  {self.leaf(tree)}"
            return
        name = f"{clean(tree.name)}: " if tree.name else ""
        yield f"{before}{truth}  {name}{self.text(f'cond.{tree.kind}')}"
        for child in tree.children:
            yield from self.branch(child, before + _STEP)

    def leaf(self, leaf: Tree) -> str:
        """One comparison: field, operator, what was wanted, what the event has."""
        field = leaf.field or leaf.name or self.text("cond.anywhere")
        key = f" ({leaf.key})" if leaf.key and leaf.key != leaf.field else ""
        operator = self.text(f"op.{leaf.operator.replace(' ', '_')}")
        wanted = f" „{cut(leaf.wanted)}”" if leaf.wanted else ""
        return f"{clean(field)}{clean(key)} {operator}{wanted}; {self._found(leaf)}"

    def _found(self, leaf: Tree) -> str:
        if leaf.found is None:
            return self.text("explain.nowhere" if leaf.field == KEYWORDS else "cond.nothing")
        key = "explain.event_is" if leaf.name == "logsource" else "explain.value_is"
        return self.text(key, found=cut(", ".join(texts(leaf.found))))


def cut(text: str) -> str:
    """A value as it is shown: not all of a long one, and nothing that steers a terminal."""
    return clean(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
