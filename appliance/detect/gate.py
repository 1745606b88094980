"""One scan for many regular expressions: hyperscan, as a gate that may only say too much.

The exact decision stays with RE2. A gate that cannot be built, or a text it cannot read, lets every
expression through to RE2. So does one that hyperscan reads more narrowly than RE2 does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import structlog

from .regexes import SCAN_LIMIT, Searcher, encoded, searcher

try:
    import hyperscan
except ImportError:
    hyperscan = None  # type: ignore[assignment]

log = structlog.get_logger()
Expression = tuple[str, str]
#: What a vertical tab is differs: to RE2 it is no white space.
_TAB = "\x0b"
#: The two signs beyond ASCII that are letters of it without case: RE2 has them in \w then, hyperscan has not.
_ALMOST_ASCII = ("\u017f", "\u212a")
_CASELESS = re.compile(r"\(\?[a-zA-Z]*i")
#: Tables of Unicode, which have other versions in the two; and escapes that may name a sign beyond ASCII.
_TABLES = re.compile(r"(?<!\\)(?:\\\\)*\\[pP]")
_CODES = re.compile(r"(?<!\\)(?:\\\\)*\\[x0-7]")

#: Repeats that the gate counts; to compile a scan for a thousand takes most of a second.
COUNTED = 200
#: What is no repeat though it may look like one: escapes and classes; then a repeat.
_REPEAT = re.compile(r"\\(?:x\{[^}]*\}|.)|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\{(\d+)(?:,\d*)?\}", re.DOTALL)


class RegexGate:
    """Which of `expressions` may be found in a text; `masks` are OR-ed for those that RE2 confirms."""

    def __init__(self, expressions: Sequence[Expression], masks: Sequence[int], *, gated: bool = True) -> None:
        self._rows = [
            (searcher(pattern, flags), mask) for (pattern, flags), mask in zip(expressions, masks, strict=True)
        ]
        self._scan = _database(expressions) if gated else None
        self._caseless = {number for number, one in enumerate(expressions) if _is_caseless(one)}
        self._wider = {number for number, one in enumerate(expressions) if _is_wider(one)}

    @property
    def gated(self) -> bool:
        """Whether one scan stands before RE2."""
        return self._scan is not None

    @property
    def masks(self) -> list[int]:
        """The mask of each expression."""
        return [mask for _, mask in self._rows]

    def mask(self, value: str) -> int:
        """The masks of all expressions that are found in `value`."""
        raw = encoded(value, SCAN_LIMIT)
        found = 0
        for number in self._candidates(value, raw):
            search, mask = self._rows[number]
            if search(raw) is not None:
                found |= mask
        return found

    def searches(self, value: str) -> list[tuple[Searcher, bytes, int]]:
        """What RE2 is asked about `value`: for each expression that may be found its search, the bytes, its mask."""
        raw = encoded(value, SCAN_LIMIT)
        rows = [self._rows[number] for number in self._candidates(value, raw)]
        return [(search, raw, mask) for search, mask in rows]

    def _candidates(self, value: str, raw: bytes) -> Iterable[int]:
        if self._scan is None or _TAB in value:
            return range(len(self._rows))
        found = self._scan(raw)
        if value.isascii() or not (self._wider or self._caseless):
            return found
        if self._caseless and any(sign in value for sign in _ALMOST_ASCII):
            return self._wider | self._caseless | set(found)
        return self._wider | set(found) if self._wider else found


def _is_caseless(one: Expression) -> bool:
    return "i" in one[1] or _CASELESS.search(one[0]) is not None


def _is_wider(one: Expression) -> bool:
    """Whether RE2 may find it in a text beyond ASCII in which hyperscan does not."""
    pattern = one[0]
    if _TABLES.search(pattern):
        return True
    return _is_caseless(one) and (not pattern.isascii() or _CODES.search(pattern) is not None)


def relaxed(pattern: str) -> str:
    """The expression, or one that finds more: `x{1000,}` and `x{1000}` are `x{200,}`."""
    if "\\Q" in pattern:
        return pattern
    return _REPEAT.sub(lambda found: f"{{{COUNTED},}}" if int(found[1] or 0) > COUNTED else found[0], pattern)


def _database(expressions: Sequence[Expression]) -> Callable[[bytes], Sequence[int]] | None:
    if hyperscan is None:
        return None
    try:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[relaxed(pattern).encode() for pattern, _ in expressions],
            ids=list(range(len(expressions))),
            flags=[_flags(flags) for _, flags in expressions],
        )
        database.scratch = hyperscan.Scratch(database)
    except (hyperscan.error, UnicodeEncodeError) as error:
        log.info("regex_gate_not_built", expressions=len(expressions), error=str(error))
        return None
    everything = range(len(expressions))

    def note(number: int, _start: int, _end: int, _flags: int, found: object) -> None:
        found.append(number)  # type: ignore[attr-defined]

    def scan(raw: bytes) -> Sequence[int]:
        found: list[int] = []
        try:
            database.scan(raw, match_event_handler=note, context=found)
        except hyperscan.error:
            return everything
        return found

    return scan


def _flags(flags: str) -> int:
    value = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY | hyperscan.HS_FLAG_UTF8
    names = {"i": hyperscan.HS_FLAG_CASELESS, "m": hyperscan.HS_FLAG_MULTILINE, "s": hyperscan.HS_FLAG_DOTALL}
    for flag in flags:
        value |= names[flag]
    return int(value)
