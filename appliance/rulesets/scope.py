"""Which rules an exception is for: those that it names, or every rule of a log source; and its Sigma filters."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from appliance.detect import Logsource, Rule

from .conditions import Condition, by_line

MAX_RULES = 50
"""Rules that one exception may name."""
TITLE = 255
"""Characters of a title that a Sigma filter may have."""
ANY = "any"
"""Sigma's word for every rule of a filter's log source."""
Source = Mapping[str, str]
"""A log source as Sigma writes it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The rules that are named, each with its log source; without any it is every rule of `source`."""

    named: tuple[tuple[str, Source], ...]
    source: Source

    @classmethod
    def of(cls, rules: Iterable[Rule], source: Logsource | None) -> Scope:
        """Return the scope of rules, or of every rule of a log source."""
        if source is not None:
            return cls((), source_of(source))
        return cls(tuple((rule.id, source_of(rule.logsource)) for rule in rules), {})

    def parts(self) -> Iterator[tuple[Source, list[str] | str]]:
        """Yield log sources, each with what a filter of it has as `rules`: a filter has one log source."""
        if not self.named:
            yield self.source, ANY
            return
        found: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for rule, source in self.named:
            found.setdefault(tuple(source.items()), []).append(rule)
        for key, rules in found.items():
            yield dict(key), rules


def source_of(source: Logsource) -> dict[str, str]:
    """Return a log source as Sigma writes it."""
    parts: Iterable[tuple[str, str | None]] = (
        ("product", source.product), ("category", source.category), ("service", source.service)
    )  # fmt: skip
    return {name: value for name, value in parts if value}


def widths(source: Logsource) -> list[Logsource]:
    """Return the log sources whose every rule an exception from a rule of `source` may be for, the narrowest first."""
    wide = [source, Logsource(product=source.product)] if source.product else [source]
    return list(dict.fromkeys(wide))


def document(
    *, identity: str, title: str, description: str, author: str, scope: Scope, conditions: Iterable[Condition]
) -> str:
    """Return the exception as the text of Sigma filters, one a log source; every value stands for itself."""
    selection = {line: _values(alike) for line, alike in by_line(conditions).items()}
    plain: list[dict[str, Any]] = []
    for place, (source, rules) in enumerate(scope.parts()):
        own = uuid.uuid5(uuid.UUID(identity), repr(sorted(source.items())))
        plain.append(
            {
                "title": title[:TITLE],
                "id": str(own) if place else identity,
                "description": description,
                "author": author,
                "logsource": dict(source),
                "filter": {"rules": rules, "selection": selection, "condition": "not selection"},
            }
        )
    return yaml.safe_dump_all(plain, allow_unicode=True, sort_keys=False, width=10_000)


def _values(alike: Sequence[Condition]) -> str | list[str]:
    texts = [one.written for one in alike]
    return texts if len(texts) > 1 else texts[0]
