"""A name in one argument and its value in another: `-Name DefaultPassword -Value SECRET`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agent.redact.names import MARK, is_secret

_OPTION = re.compile(r"(?:--?|/)([A-Za-z-]{1,24})(?:[=:](?=.)|\Z)")
_NAMES = frozenset(
    {"n", "na", "nam", "name", "v", "key", "variable", "property", "parameter", "parameter-name", "field"}
)
_VALUES = frozenset({"val", "valu", "value", "d", "data", "parameter-value", "stringvalue"})


def hide_pairs(words: Sequence[str], found: list[str | None], offset: int) -> None:
    """Hide values beside the options that name them, in whatever order."""
    given = [*_given(words)]
    names = [words[place][start:] for option, place, start in given if option in _NAMES]
    for option, place, start in given if names else ():
        value = words[place][start:]
        if option in _VALUES and any(is_secret(name, value) for name in names):
            found[offset + place] = words[place][:start] + MARK


def _given(words: Sequence[str]) -> Iterable[tuple[str, int, int]]:
    """Return each option with where its value stands, and from which character on."""
    for place, word in enumerate(words):
        option = _OPTION.match(word) if word.startswith(("-", "/")) else None
        if option is not None:
            joined = option.end() < len(word)
            if joined or place + 1 < len(words):
                yield option[1].lower(), place + (not joined), option.end() if joined else 0


def setting(arguments: Sequence[str]) -> Iterable[int]:
    """Cmdlets that set something: its name in front of its value or of `-Value`."""
    names = [one for one in arguments if not one.startswith("-")]
    behind = [at for option, at, start in _given(arguments) if option in _VALUES and not start]
    beside = [
        place + 1
        for place, one in enumerate(arguments[:-1])
        if not one.startswith("-") and not arguments[place + 1].startswith("-") and is_secret(one, arguments[place + 1])
    ]
    return [at for at in behind if any(is_secret(name, arguments[at]) for name in names)] if behind else beside
