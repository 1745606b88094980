"""The tree of a regular expression → the text that RE2 (DuckDB's engine) reads."""

from __future__ import annotations

from appliance.search.regextree import ANY, Branch, Chars, Choice, Part, Regex, Repeat, Sequence


def re2(regex: Regex) -> str:
    """Return the expression for RE2; it is sought anywhere in folded text."""
    return "(?s)" + "|".join(map(_branch, regex.branches))


def _branch(branch: Branch) -> str:
    return ("\\A" if branch.begin else "") + _part(branch.part) + ("\\z" if branch.end else "")


def _part(part: Part) -> str:
    match part:
        case Chars(ranges):
            if part == ANY:
                return "."
            return "[" + "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in ranges) + "]"
        case Sequence(parts):
            return "(?:" + "".join(map(_part, parts)) + ")"
        case Choice(parts):
            return "(?:" + "|".join(map(_part, parts)) + ")"
        case Repeat(inner, low, high):
            return f"(?:{_part(inner)}){{{low},{'' if high is None else high}}}"
