"""A line of text, a command line or a script, with the secrets that it shows replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.redact.fixed import hide_fixed
from agent.redact.names import HINTS, MARK, is_secret
from agent.redact.patterns import (
    ASSIGNED,
    BESIDE,
    BOUND,
    CALL,
    CALL_ON,
    CODE,
    FLAG,
    HEADER,
    INDEXED,
    JSON,
    NESTED,
    PAIR,
    PROSE,
    SET,
    SPACED,
    TOKENS,
    XML,
)
from agent.redact.programs import PROGRAMS
from agent.redact.words import replaced

DEPTH = 3
"""Command lines within command lines that are opened: `cmd /c "powershell -c '…'"`."""
MAX_KEPT, _LONGEST_KEPT = 512, 256
"""Texts that are remembered to show no secret, and their length: a host starts the same programs all day."""
_HARMLESS: set[str] = set()
_NAMES = re.compile(r"[a-z0-9_.-]+")
_ENDING = re.compile(r"\.(?:exe|com|bat|cmd)\b")


_QUOTED_ONES = frozenset({SPACED, PAIR, JSON, INDEXED, CALL, CALL_ON})
_BY_NAME = (
    ("=", SPACED), (":", PAIR), ("=>", PAIR), (":", JSON), ("=>", JSON), ("</", XML), ("</", NESTED),
    ("]", INDEXED), ("}", INDEXED), ("(", CALL), ("(", CALL_ON), ("value", BESIDE), ("parameterbinding", BOUND),
    ("=", SET),
)  # fmt: skip
"""What a text must have, in small letters, and the pattern: its second group names what its third one is."""


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds any of some words: by their first letter, which is some times faster than word by word."""
    by_letter: dict[str, list[str]] = {}
    for word in words:
        by_letter.setdefault(word[0], []).append(re.escape(word[1:]))
    return re.compile("|".join(f"{re.escape(letter)}(?:{'|'.join(rest)})" for letter, rest in by_letter.items()))


_HINTED = _any_of(HINTS)
_WITH_PERCENT = re.compile(r"[-/]u\w{0,8}[\s=:]?[^\s%]{1,128}%|user(?:name)?=[^\s%]{1,128}%")
_WITH_COLON = re.compile(r"-u\w{0,8}[\s=]?[^\s:]{1,128}:|[\\/][^\s:/\\@]{1,64}:[^\s@]{1,128}@")
"""An account with its secret, as accounts.py and patterns.py find them without any telling name."""


def may_hold(text: str) -> bool:
    """Tell quickly whether a text may show a secret: nothing that is found is without a hint or a program's name."""
    folded = text.casefold()
    return hinted(folded) or not PROGRAMS.keys().isdisjoint(_NAMES.findall(_ENDING.sub("", folded)))


def hinted(folded: str) -> bool:
    """Tell whether a folded text may have what the patterns find."""
    if _HINTED.search(folded) is not None:
        return True
    return ("%" in folded and _WITH_PERCENT.search(folded) is not None) or (
        ":" in folded and _WITH_COLON.search(folded) is not None
    )


def redact_text(text: str) -> str:
    """Return a line of text with the secrets that it shows replaced."""
    if text in _HARMLESS:
        return text
    clean = _redact(text, DEPTH) if may_hold(text) else text
    if clean == text and len(text) <= _LONGEST_KEPT:
        if len(_HARMLESS) >= MAX_KEPT:
            _HARMLESS.clear()
        _HARMLESS.add(text)
    return clean


def _redact(text: str, depth: int) -> str:
    """Commands first, the innermost before all, then whatever has the form of a secret by itself."""
    text = replaced(text, (lambda inner: _redact(inner, depth - 1)) if depth else None)
    folded = text.casefold()
    if not hinted(folded):
        return text
    for pattern in TOKENS:
        text = pattern.sub(MARK, text)
    text = hide_fixed(text, folded)
    text = FLAG.sub(_flag, text)
    quoted = '"' in text or "'" in text
    for needs, pattern in _BY_NAME:
        if needs in folded and (quoted or pattern not in _QUOTED_ONES):
            text = pattern.sub(_named, text)
    text = HEADER.sub(_header, text)
    text = ASSIGNED.sub(_assigned, text)
    return CODE.sub(rf"\1{MARK}", PROSE.sub(rf"\1{MARK}", text))


def _named(found: re.Match[str]) -> str:
    """Hide the value after what names it, within the value's own quotes."""
    if not is_secret(found[2], found[3].strip("\"'")):
        return found[0]
    quote = found[3][0] if found[3][0] in "\"'" else ""
    return f"{found[1]}{quote}{MARK}{quote}"


def _header(found: re.Match[str]) -> str:
    """Hide a header's value; a line of a log may begin as a header does."""
    telling = found[2][:2] in {"x-", "X-"} or re.search(r"\d", found[3]) is not None
    return f"{found[1]}{MARK}" if telling and is_secret(found[2], found[3]) else found[0]


def _flag(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{MARK}" if is_secret(found[1], found[3]) else found[0]


def _assigned(found: re.Match[str]) -> str:
    name = found[1]
    if is_secret(name, found[3]) and (found[2] == "=" or name[0] in "-/"):
        return f"{name}{found[2]}{MARK}"
    if name[0] in "-/" and "=" in found[3]:  # `--env=NAME=value`
        return f"{name}{found[2]}{ASSIGNED.sub(_within, found[3])}"
    return found[0]


def _within(found: re.Match[str]) -> str:
    """Hide what an option's value assigns."""
    return f"{found[1]}={MARK}" if found[2] == "=" and is_secret(found[1], found[3]) else found[0]
