"""One scan for many regular expressions: hyperscan, as a gate that may only say too much.

The exact decision stays with RE2. A gate that cannot be built, or a text it cannot read, lets every
expression through to RE2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from .regexes import SCAN_LIMIT, encoded, searcher

try:
    import hyperscan
except ImportError:
    hyperscan = None  # type: ignore[assignment]

log = structlog.get_logger()
Expression = tuple[str, str]


class RegexGate:
    """Which of `expressions` may be found in a text; `masks` are OR-ed for those that RE2 confirms."""

    def __init__(self, expressions: Sequence[Expression], masks: Sequence[int], *, gated: bool = True) -> None:
        self._rows = [
            (searcher(pattern, flags), mask) for (pattern, flags), mask in zip(expressions, masks, strict=True)
        ]
        self._scan = _database(expressions) if gated else None

    def mask(self, value: str) -> int:
        """The masks of all expressions that are found in `value`."""
        raw = encoded(value, SCAN_LIMIT)
        found = 0
        for number in self._candidates(raw):
            search, mask = self._rows[number]
            if search(raw) is not None:
                found |= mask
        return found

    def _candidates(self, raw: bytes) -> Sequence[int] | range:
        return range(len(self._rows)) if self._scan is None else self._scan(raw)


def _database(expressions: Sequence[Expression]) -> Callable[[bytes], Sequence[int]] | None:
    if hyperscan is None:
        return None
    try:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[pattern.encode() for pattern, _ in expressions],
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
