"""Regular expressions → patterns that find at least as much. Pure.

Engines tie expressions to the ends of a value, lower what they do not mean to, and give up on some; so they are asked
for the texts that an expression cannot do without, and what they find is looked at once more.
"""

from __future__ import annotations

from appliance.search.nodes import Pattern, Wild
from appliance.search.regextree import Branch, Chars, Part, Regex, Repeat, Sequence
from appliance.store.elastic.clauses import is_safe
from appliance.store.grams import single

MAX_BRANCHES = 16
MAX_TEXT = 200
"""Characters of an expression that are asked for; the rest is left to the second look."""
Parts = list[str | Wild]
_ANYTHING = Pattern((Wild.MANY,), inside=False)


def patterns(regex: Regex) -> list[Pattern]:
    """Return patterns of which every value that an expression finds fits one."""
    if len(regex.branches) > MAX_BRANCHES:
        return [_ANYTHING]
    return list(dict.fromkeys(map(_pattern, regex.branches)))


def _pattern(branch: Branch) -> Pattern:
    before: Parts = [] if branch.begin else [Wild.MANY]
    after: Parts = [] if branch.end else [Wild.MANY]
    return Pattern(_merged([*before, *_parts(branch.part), *after]), inside=False)


def _parts(part: Part) -> Parts:
    match part:
        case Chars():
            text = single(part)
            return [text if text and is_safe(text) else Wild.MANY]
        case Sequence(parts):
            return [piece for one in parts for piece in _parts(one)]
        case Repeat(inner, low, _) if low > 0:
            return [*_parts(inner), Wild.MANY]
    return [Wild.MANY]


def _merged(parts: Parts) -> tuple[str | Wild, ...]:
    """Join texts and drop repeated wildcards; past the bound anything may follow."""
    found: Parts = []
    left = MAX_TEXT
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, str) and left == 0:
            part = Wild.MANY  # noqa: PLW2901 - what follows stands for itself no more
        if isinstance(part, str):
            left -= 1
            found[-1:] = [last + part] if isinstance(last, str) else [*found[-1:], part]
        elif last is not part:
            found.append(part)
    return tuple(found)
