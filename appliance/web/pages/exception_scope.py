"""Which rules the form of an exception offers, and which it was sent with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.alerts.beside import rules_beside
from appliance.detect import Logsource, Rule
from appliance.detect.correlation import Correlation
from appliance.rulesets import listed
from appliance.rulesets.scope import widths
from appliance.state.models import Alert
from appliance.web.api.exceptions import rules_of
from appliance.web.context import Context
from appliance.web.explaining import bases_of, content_of
from appliance.web.pages.rules import titles_of

NAMED = "named"
"""The form's word for an exception of the rules that are chosen; a number stands for one of `widths`."""
OFFERED = 20
"""Rules of each kind that are offered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form says of rules: `kind`, the further rules that are chosen, and the words to find more by."""

    kind: str = NAMED
    more: tuple[str, ...] = ()
    words: str = ""

    def source(self, rule: Rule) -> Logsource | None:
        """Return the log source whose every rule is meant; None where rules are named."""
        wide = widths(rule.logsource)
        return wide[int(self.kind)] if self.kind.isdecimal() and int(self.kind) < len(wide) else None

    def rules(self, context: Context, rule: Rule) -> tuple[Rule, ...]:
        """Return the rules that an exception from one of `rule` is for; what is unknown is left out."""
        source = self.source(rule)
        if source is not None:
            return rules_of(context, source)
        found = [content_of(context, one) for one in dict.fromkeys(self.more) if one != rule.id]
        return rule, *(one for one in found if isinstance(one, Rule))


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are offered for one reason: `beside`, `base`, `chosen` or `found`.

    Each has its id, its title, and whether it is chosen.
    """

    why: str
    rules: list[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class Offered:
    """All that the form offers of rules."""

    wanted: Wanted
    groups: list[Group]
    sources: list[tuple[str, str, int]]
    """Of each log source whose every rule may be meant the form's word, its name, and how many rules it has now."""
    searched: bool = False
    """Whether words were looked for, and nothing found."""


def offered(context: Context, alert: Alert, rule: Rule, wanted: Wanted, language: str) -> Offered:
    """Return what a form shows: rules that an alert suggests, those chosen before, those with the words."""
    titles = titles_of(context.rules(), language)
    seen = {rule.id}

    def group(why: str, ids: Iterable[str]) -> Group:
        fresh = [one for one in dict.fromkeys(ids) if one not in seen and isinstance(content_of(context, one), Rule)]
        seen.update(fresh[:OFFERED])
        return Group(why, [(one, titles.get(one, one), one in wanted.more) for one in fresh[:OFFERED]])

    found = _with_words(context, wanted.words, titles)
    groups = [
        group("base", _bases(context, alert)),
        group("beside", _beside(context, alert)),
        group("chosen", [one for one in wanted.more if one not in found]),
        group("found", found),
    ]
    sources = [(str(at), str(one), len(rules_of(context, one))) for at, one in enumerate(widths(rule.logsource))]
    return Offered(wanted, [one for one in groups if one.rules], sources, bool(wanted.words) and not groups[-1].rules)


def _bases(context: Context, alert: Alert) -> list[str]:
    found = content_of(context, alert.rule_id)
    return [one.id for one in bases_of(context, found)] if isinstance(found, Correlation) else []


def _beside(context: Context, alert: Alert) -> list[str]:
    with context.sessions() as session:
        return rules_beside(session, alert, OFFERED)


def _with_words(context: Context, words: str, titles: dict[str, str]) -> list[str]:
    """Return the rules in force that have all words in title, author's title or id."""
    parts = words.casefold().split()
    if not parts:
        return []
    at_work = (one.rule for one in listed(context.rules()) if one.at_work and isinstance(one.rule, Rule))
    texts = ((one.id, f"{titles.get(one.id, '')} {one.title} {one.id}".casefold()) for one in at_work)
    return [name for name, text in texts if all(part in text for part in parts)]
