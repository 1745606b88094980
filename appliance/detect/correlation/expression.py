"""Boolean conditions of temporal correlations: `a and (b or not c)` to the ways in which they can be fulfilled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, product

from .model import Expression, Term

#: Characters and levels of parentheses of one condition, and ways to fulfil it.
MAX_TEXT = 4096
MAX_DEPTH = 20
MAX_TERMS = 128
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
_WORDS = frozenset({"and", "or", "not", "(", ")"})
Literals = frozenset[tuple[int, bool]]


class BadExpression(ValueError):
    """The condition cannot be used; the message is a Polish sentence for its author."""


def names_in(text: str) -> list[str]:
    """The rules that a condition names, each once, in their order."""
    tokens = _TOKEN.findall(text[:MAX_TEXT])
    return list(dict.fromkeys(token for token in tokens if token.lower() not in _WORDS))


def parse_expression(text: str, rules: Sequence[str]) -> Expression:
    """The condition over `rules`. Raises BadExpression."""
    if len(text) > MAX_TEXT:
        raise BadExpression(f"warunek ma ponad {MAX_TEXT} znaków; skróć go")
    reader = _Reader(_TOKEN.findall(text), {name: place for place, name in enumerate(rules)})
    ways = reader.whole()
    terms = sorted({_term(way) for way in ways}, key=lambda term: (len(term.wanted), term.wanted, sorted(term.barred)))
    if not terms:
        raise BadExpression("warunek nie może być spełniony: ta sama reguła ma wystąpić i nie wystąpić; popraw go")
    if any(not term.wanted for term in terms):
        raise BadExpression("sam brak zdarzeń niczego nie zaczyna; warunek musi wymagać choć jednej reguły bez „not”")
    return Expression(text.strip(), tuple(terms))


@lru_cache(maxsize=4096)
def counted(rules: int, least: int) -> tuple[Term, ...] | None:
    """The ways in which at least so many of the rules occur; None when they are too many to list."""
    ways = tuple(Term(way) for way in combinations(range(rules), least))
    return ways if len(ways) <= MAX_TERMS else None


def _term(way: Literals) -> Term:
    return Term(
        tuple(sorted(place for place, wanted in way if wanted)),
        frozenset(place for place, wanted in way if not wanted),
    )


class _Reader:
    """Recursive descent; each part comes back as its ways to be true (a disjunctive normal form)."""

    def __init__(self, tokens: list[str], places: dict[str, int]) -> None:
        self._tokens, self._places, self._next = tokens, places, 0

    def whole(self) -> list[Literals]:
        """Read everything."""
        ways = self._any(truth=True, depth=0)
        if self._next < len(self._tokens):
            raise BadExpression(f"w warunku nie na miejscu jest „{self._tokens[self._next]}”; popraw go")
        return ways

    def _any(self, *, truth: bool, depth: int) -> list[Literals]:
        parts = [self._all(truth=truth, depth=depth)]
        while self._take("or"):
            parts.append(self._all(truth=truth, depth=depth))
        return _either(parts) if truth else _both(parts)

    def _all(self, *, truth: bool, depth: int) -> list[Literals]:
        parts = [self._one(truth=truth, depth=depth)]
        while self._take("and"):
            parts.append(self._one(truth=truth, depth=depth))
        return _both(parts) if truth else _either(parts)

    def _one(self, *, truth: bool, depth: int) -> list[Literals]:
        if depth > MAX_DEPTH:
            raise BadExpression(f"warunek ma ponad {MAX_DEPTH} poziomów; uprość go")
        if self._take("not"):
            return self._one(truth=not truth, depth=depth + 1)
        if self._take("("):
            inner = self._any(truth=truth, depth=depth + 1)
            if not self._take(")"):
                raise BadExpression("w warunku brakuje „)”; dodaj nawias")
            return inner
        if self._next >= len(self._tokens) or self._tokens[self._next].lower() in _WORDS:
            raise BadExpression("w warunku brakuje nazwy reguły; popraw go")
        name = self._tokens[self._next]
        self._next += 1
        if name not in self._places:
            raise BadExpression(f"warunek używa reguły „{name}”, której nie ma w rules; dodaj ją albo popraw warunek")
        return [frozenset({(self._places[name], truth)})]

    def _take(self, word: str) -> bool:
        found = self._next < len(self._tokens) and self._tokens[self._next].lower() == word
        self._next += found
        return found


def _either(parts: list[list[Literals]]) -> list[Literals]:
    return _least([way for part in parts for way in part])


def _both(parts: list[list[Literals]]) -> list[Literals]:
    ways: list[Literals] = [frozenset()]
    for part in parts:
        ways = _least([one | other for one, other in product(ways, part)])
    return ways


def _least(ways: list[Literals]) -> list[Literals]:
    """Drop ways that contradict themselves and those that ask for more than another one."""
    kept: list[Literals] = []
    for way in sorted(set(ways), key=len):
        if any((place, not wanted) in way for place, wanted in way) or any(less <= way for less in kept):
            continue
        kept.append(way)
        if len(kept) > MAX_TERMS:
            raise BadExpression(f"warunek można spełnić na ponad {MAX_TERMS} sposobów; podziel go na kilka korelacji")
    return kept
