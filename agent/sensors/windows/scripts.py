"""Scripts that PowerShell writes into several events (4104), a piece in each: what of them is secret."""

from __future__ import annotations

from agent.redact.pieces import KEPT, redact_piece
from agent.sensors.windows.eventxml import data_of
from agent.wire.event import Record

MAX_OPEN = 16
"""Scripts whose pieces are awaited."""
_TEXT, _SCRIPT, _NUMBER, _TOTAL = "ScriptBlockText", "ScriptBlockId", "MessageNumber", "MessageTotal"


class Scripts:
    """The end of each script's last piece, as it was."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, str]] = {}

    def mend(self, record: Record, xml: str) -> None:
        """Hide in a script's piece what the pieces before it show to be secret; `xml` is the event as it was."""
        total, number = _count(record.get(_TOTAL)), _count(record.get(_NUMBER))
        if total < 2 or not isinstance(record.get(_TEXT), str):
            return
        text = data_of(xml).get(_TEXT)
        if isinstance(text, str):
            before = self._followed(str(record.get(_SCRIPT)), number, total, text)
            record[_TEXT] = redact_piece(before, text, last=number >= total)

    def _followed(self, script: str, number: int, total: int, text: str) -> str | None:
        """Return the text before a piece, None when that is not known, and remember the piece."""
        last, before = self._before.pop(script, (0, ""))
        if number < total:
            self._before[script] = number, (before + text)[-KEPT:]
            if len(self._before) > MAX_OPEN:
                del self._before[next(iter(self._before))]
        return before if number == last + 1 else None


def _count(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 9 else 0
