"""Files of indicators from a disk to values that may be kept, and every fault with file and line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from appliance.detect.model import Fault
from appliance.indicators.book import Wanted
from appliance.indicators.files import MAX_BYTES, BadFile, lines
from appliance.indicators.values import Own, Refused, value_of


@dataclass(slots=True)
class Read:
    """What files say; `broken` are those of which nothing can be read."""

    wanted: list[Wanted] = field(default_factory=list)
    refused: list[Fault] = field(default_factory=list)
    broken: list[Fault] = field(default_factory=list)


def read(files: Iterable[Path], own: Own, comment: str, ends: int | None) -> Read:
    """Read files; `comment` and `ends` (microseconds) are for values that tell none. The earlier end counts."""
    found = Read()
    for file in files:
        try:
            with file.open("rb") as stream:
                told = lines(stream.read(MAX_BYTES + 1), file.name)
        except BadFile as error:
            found.broken.append(Fault(str(file), error.line, error.message))
            continue
        except OSError as error:
            found.broken.append(Fault(str(file), 1, f"nie można odczytać pliku: {error.strerror}"))
            continue
        for one in told:
            try:
                value = value_of(one.text, own, one.hint)
            except Refused as error:
                found.refused.append(Fault(str(file), one.number, f"„{one.text[:80]}”: {error}"))
                continue
            moments = [at for at in (one.expires_at, ends) if at is not None]
            found.wanted.append(Wanted(value, one.comment or comment, min(moments, default=None)))
    return found
