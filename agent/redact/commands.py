"""The words of a command line: which of them are secrets by the option before them or by their program's rule."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.redact.accounts import hidden_account, hide_accounts
from agent.redact.names import MARK, is_secret
from agent.redact.pairs import hide_pairs
from agent.redact.programs import PROGRAMS, SHELLS, Rule, program_of

_FLAG = re.compile(r"(?:-{1,2}|/)[\w.-]{1,100}\Z")
_ASSIGNED = re.compile(r"(?:([-/][^\s=:]{1,99})[=:] ?|([^\s=]{1,100})=)(?=.)", re.DOTALL)
_LISTED = re.compile(r"-arg[a-z]{0,9}\Z", re.IGNORECASE)
_PARTS = re.compile(r"([\s,]+)")
_ENDS = frozenset({"|", "||", "&", "&&", ";", "(", ")", "{", "}", "`", "\n"})
"""Words after which another command begins."""


def hide(words: Sequence[str]) -> list[str | None]:
    """Return what stands in the place of each word of a line, None where it stays; words are without their quotes."""
    found: list[str | None] = [None] * len(words)
    start = 0
    for place, word in enumerate([*words, "\n"]):
        if word in _ENDS and not (word == "(" and place and _is_list_sign(words[place - 1])):
            _command(words[start:place], found, start)
            start = place + 1
    return found


def assigned(word: str) -> str | None:
    """Return a word `NAME=value` or `/name:value` with all of its value hidden; None when it is none or no secret.

    The value of an option may be such a word itself: `--env=NAME=value`.
    """
    found = _ASSIGNED.match(word)
    if found is None:
        return None
    if is_secret(found[1] or found[2], word[found.end() :]):
        return f"{found[0]}{MARK}"
    inner = _ASSIGNED.match(word, found.end()) if found[1] else None
    if inner is None or not is_secret(inner[1] or inner[2], word[inner.end() :]):
        return None
    return f"{word[: inner.end()]}{MARK}"


def first_shell(words: Sequence[str]) -> int:
    """Return the place of the first word that is a shell: behind it, one word may be a whole command line."""
    return next((place for place, word in enumerate(words) if program_of(word) in SHELLS), len(words))


def _command(words: Sequence[str], found: list[str | None], offset: int) -> None:
    if any(word.startswith(("-", "/")) for word in words):
        for place, (word, following) in enumerate(zip(words, words[1:])):
            if _FLAG.match(word) and is_secret(word, following) and not _is_option(following, word[0] == "/"):
                found[offset + place + 1 + (following == "<<<" and place + 2 < len(words))] = MARK
        hide_pairs(words, found, offset)
        hide_accounts(words, found, offset)
    _spread(words, found, offset)
    known: set[Rule] = set()  # a second time, what a rule says of the rest of the words has been done
    for place, word in enumerate(words):
        rule = PROGRAMS.get(program_of(word))
        if rule is not None and rule not in known and not (rule.first and place):
            known.add(rule)
            first = next((at for at in range(place + 1, len(words)) if not _is_list_sign(words[at])), len(words))
            _program(rule, words[first:], found, offset + first)


def _spread(words: Sequence[str], found: list[str | None], offset: int) -> None:
    """Hide secrets in a word that holds the arguments of a program: `Start-Process net -Args 'user jan x'`."""
    program = ""
    for place, word in enumerate(words) if any(map(_PARTS.search, words)) else ():
        before = next((words[at] for at in range(place - 1, -1, -1) if words[at] not in {"@", "("}), "")
        if program and (before == program or _is_list_sign(before)) and _PARTS.search(word) and assigned(word) is None:
            parts = _PARTS.split(word)
            hidden = hide([program, *parts[::2]])[1:]
            if any(hidden):
                parts[::2] = [new or old for old, new in zip(parts[::2], hidden)]
                found[offset + place] = "".join(parts)
        if program_of(word) in PROGRAMS:
            program = word


def _is_list_sign(word: str) -> bool:
    """Tell whether a list of arguments begins behind this word: `-ArgumentList @(`."""
    return word in {"@", "("} or _LISTED.match(word) is not None


def _program(rule: Rule, words: Sequence[str], found: list[str | None], offset: int) -> None:
    if rule.needs and rule.needs not in words:
        return
    if rule.wraps:
        words = _own(rule, words)
    for place in rule.places(words) if rule.places else ():
        found[offset + place] = MARK
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        _option(rule, word, following, found, offset + place)
        _accounts(rule, word, following, found, offset + place)


def _own(rule: Rule, words: Sequence[str]) -> Sequence[str]:
    """Return the words up to the command that a program starts."""
    value = False
    for place, word in enumerate(words):
        if not (value or word.startswith("-")):
            return words[:place]
        value = word in rule.options
    return words


def _option(rule: Rule, word: str, following: str, found: list[str | None], place: int) -> None:
    for option in (*rule.options, *rule.joined):
        value = _value(rule, option, word)
        if value:
            found[place] = word[: len(word) - len(value)] + MARK
        elif value == "" and option in rule.options and following and not _is_option(following, rule.windows):
            found[place + 1] = MARK


def _accounts(rule: Rule, word: str, following: str, found: list[str | None], place: int) -> None:
    for option in rule.accounts:
        value = _value(rule, option, word) if option else word
        if value and found[place] != MARK:
            found[place] = hidden_account(word, value, rule.between, hosted=not option) or found[place]
        elif value == "" and following:
            found[place + 1] = hidden_account(following, following, rule.between, hosted=False) or found[place + 1]


def _value(rule: Rule, option: str, word: str) -> str | None:
    """Return what a word joins to an option, empty when it is the option alone, None when it is another."""
    if rule.windows:
        return _after(word, option)
    if word == option:
        return ""
    if option.startswith("--"):
        return word[len(option) + 1 :] or None if word.startswith(option + "=") else None
    if word.startswith("--"):
        return None
    if word.startswith(option) and (len(option) == 2 or option in rule.joined):
        return word[len(option) :]
    return _bundled(rule, option, word)


def _after(word: str, option: str) -> str | None:
    """Return the value after an option of Windows: in any case, with a slash or a dash, after `:`, `=` or a blank."""
    folded = word.lower()
    for form in (option, "/" + option[1:]) if option[0] == "-" else (option,):
        if folded == form:
            return ""
        if folded.startswith(form) and form.endswith("="):
            return word[len(form) :]
        if folded.startswith(form) and word[len(form)] in ":=":
            return word[len(form) + 1 :] or None
    return None


def _bundled(rule: Rule, option: str, word: str) -> str | None:
    """Find the option behind letters that take no value: `-xw SECRET`."""
    if len(option) != 2 or not rule.flags or not word.startswith("-"):
        return None
    flags, found, value = word[1:].partition(option[1])
    return value if found and flags and all(flag in rule.flags for flag in flags) else None


def _is_option(word: str, slashed: bool) -> bool:
    return len(word) > 1 and word.startswith(("-", "/") if slashed else "-")
