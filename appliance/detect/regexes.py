"""Regular expressions of rules: decided by RE2 in linear time, with the literals a match cannot do without."""

from __future__ import annotations

import re._constants as sre  # type: ignore[import-not-found, unused-ignore]
import re._parser as sre_parser  # type: ignore[import-not-found, unused-ignore]
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import re2

from .nodes import Pattern, Wild
from .values import fold

#: Characters of one value that a rule's regular expression is shown. RE2 needs about 10 ns for each.
SCAN_LIMIT = 131_072
#: Bytes RE2 may use for one expression.
_MEMORY = 8 << 20
_MIN_LITERAL = 2
#: What POSIX classes begin with, which are RE2's alone.
_POSIX = "[:"

Searcher = Callable[[bytes], object]


class RegexRefused(ValueError):
    """The linear-time engine has no such construct (look-around, back-reference, huge repetition)."""


@lru_cache(maxsize=8192)
def searcher(pattern: str, flags: str = "") -> Searcher:
    r"""A function that searches UTF-8 text for `pattern`; flags out of `ims`.

    \d \w \s \b are ASCII, `$` without `m` is the very end. Raises RegexRefused.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    prefix = f"(?{''.join(sorted(set(flags)))})" if flags else ""
    try:
        compiled = re2.compile((prefix + pattern).encode("utf-8", "replace"), options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        raise RegexRefused(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from error
    search: Searcher = compiled.search
    return search


def encoded(value: str, limit: int | None = SCAN_LIMIT) -> bytes:
    """`value` as RE2 wants it; a lone surrogate becomes one `?`."""
    return (value if limit is None else value[:limit]).encode("utf-8", "replace")


def like_regex(pattern: Pattern, *, anchored: bool = True) -> str:
    """The regular expression of a wildcard pattern."""
    body = "".join(
        "(?s:.*)" if part is Wild.MANY else "(?s:.)" if part is Wild.ONE else re2.escape(str(part)) for part in pattern
    )
    return rf"\A{body}\z" if anchored else body


@lru_cache(maxsize=8192)
def required_literals(pattern: str, flags: str = "", shortest: int = _MIN_LITERAL) -> frozenset[str] | None:
    """Folded texts of which at least one is part of every (folded) match; None when none is known.

    None has fewer characters than `shortest`. A superset of what matches is all that is promised. The expression is
    read by Python's parser, so every construct that it does not understand, or that RE2 understands in another way,
    gives up.
    """
    if "x" in flags or _POSIX in pattern:
        return None
    try:
        pattern.encode()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what may become an operator in Python
            tree = sre_parser.parse(pattern)
    except Exception:  # noqa: BLE001  a private parser: whatever it cannot read simply has no literals
        return None
    return _Literals(shortest).sequence(tree)


class _Literals:
    """Walks the parse tree of one expression."""

    def __init__(self, shortest: int) -> None:
        self._shortest = shortest

    def sequence(self, items: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
        best: frozenset[str] | None = None
        run: list[str] = []
        for code, argument in items:
            if code is sre.LITERAL and argument < 128:
                run.append(fold(chr(argument)))
                continue
            best = _better(best, self._finish(run))
            run = []
            best = _better(best, self.item(code, argument))
        return _better(best, self._finish(run))

    def item(self, code: Any, argument: Any) -> frozenset[str] | None:
        if code is sre.SUBPATTERN:
            return self.sequence(argument[3])
        if code in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] >= 1:
            return self.sequence(argument[2])
        if code is sre.BRANCH:
            return self.branch(argument[1])
        return None

    def branch(self, alternatives: Iterable[Any]) -> frozenset[str] | None:
        union: frozenset[str] = frozenset()
        for alternative in alternatives:
            found = self.sequence(alternative)
            if not found:
                return None
            union |= found
        return union

    def _finish(self, run: list[str]) -> frozenset[str] | None:
        return frozenset({"".join(run)}) if len(run) >= self._shortest else None


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda texts: (min(map(len, texts)), -len(texts)))
