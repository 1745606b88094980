"""The words of a text, as shells and Windows divide it, so that all but a secret stays byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice

from agent.redact.commands import assigned, first_shell, hide

_QUOTES = r"\"(?:\\.|[^\"\\])*\"|'[^']*'|[\"']"
_LIST = r"\[(?![\"'])|(?<![\"'])\]|(?<![\"']),|,(?!\s{0,8}[\"'])"
"""Signs of a list are parts of a word but beside quotes: `['net', 'user']`."""
_ENDING = r"|[|&]{1,2}|[;()`\n]"
_UNIX = re.compile(rf"(?:{_QUOTES}|\\.|[^\s\"'\\|&;()`,\[\]]+|{_LIST}|\\)+{_ENDING}", re.DOTALL)
_WINDOWS = re.compile(rf"(?:{_QUOTES}|\\[\"']|[^\s\"'\\|&;()`,\[\]]+|\\|{_LIST})+{_ENDING}", re.DOTALL)
Inner = Callable[[str], str]
OPEN = 256
"""Characters that are hidden after a quote that nothing closes."""
_MOST = 4096
"""Words that are looked at at once; a longer script is divided at the end of a line."""


def replaced(text: str, inner: Inner | None) -> str:
    """Return the text with secrets of commands hidden; what a quoted word holds is put to `inner`."""
    divide = _WINDOWS if ":\\" in text or "\\\\" in text or ".exe" in text.lower() else _UNIX
    parts: list[str] = []
    at = 0
    while spans := _some(text, [found.span() for found in islice(divide.finditer(text, at), _MOST)]):
        clean, at = _replaced(text, at, spans, inner)
        parts.append(clean)
    return "".join((*parts, text[at:]))


def _some(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the words that are looked at together: all, or those to the last end of a line when there are many."""
    if len(spans) < _MOST:
        return spans
    lines = (place + 1 for place in range(_MOST - 1, _MOST // 2, -1) if text[spans[place][0]] == "\n")
    return spans[: next(lines, _MOST)]


def _replaced(text: str, at: int, spans: Sequence[tuple[int, int]], inner: Inner | None) -> tuple[str, int]:
    """Return the text up to the last of these words with their secrets hidden, and where that is."""
    raw = [text[start:end] for start, end in spans]
    words = [_bare(word) for word in raw]
    parts: list[str] = []
    shell = first_shell(words)
    for place, ((start, end), new) in enumerate(zip(spans, hide(words))):
        if start < at:
            continue
        whole = assigned(words[place]) if place < shell else None
        parts.append(text[at:start])
        parts.append(_written(raw[place], new, whole, inner))
        at = end if new is None else _reach(text, start, end)
    return "".join(parts), at


def _reach(text: str, start: int, end: int) -> int:
    """Return where a hidden word ends: one whose quote is open, or within others' quotes, reaches further."""
    sign = text[start]
    if sign in "\"'" and sign not in text[start + 1 : end]:
        return max(end, min(len(text), start + OPEN))
    if text.startswith('\\"', start):
        closed = text.find('\\"', start + 2, start + OPEN)
        return max(end, closed + 2 if closed >= 0 else min(len(text), start + OPEN))
    return end


def _written(old: str, new: str | None, whole: str | None, inner: Inner | None) -> str:
    quote = old[0] if len(old) > 1 and old[0] in "\"'" and old[-1] == old[0] else ""
    if new is not None:
        return f"{quote}{new}{quote}"
    if not quote or old.count(quote) - old.count("\\" + quote) != 2:
        return old
    if whole is not None:
        return f"{quote}{whole}{quote}"
    return old if inner is None or not (" " in old or "=" in old) else _inside(old, quote, inner)


def _inside(old: str, quote: str, inner: Inner) -> str:
    """Redact what a word in quotes holds; quotes in it are opened for that and closed again."""
    held = old[1:-1]
    opened = held.replace('\\"', '"') if quote == '"' else held
    clean = inner(opened)
    if clean == opened:
        return old
    return quote + (clean.replace('"', '\\"') if quote == '"' else clean) + quote


def _bare(word: str) -> str:
    """Return a word without its quotes and the backslashes before quotes and blanks."""
    if '"' not in word and "'" not in word and "\\ " not in word:
        return word
    return _QUOTING.sub(lambda found: found[0][1:] if found[0][0] == "\\" else "", word)


_QUOTING = re.compile(r"\\[\"' ]|[\"']")
