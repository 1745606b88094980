"""Lists of indicators, from a disk or as they were sent, to values that may be kept; each fault with file and line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from appliance.detect.model import Fault
from appliance.indicators.book import Wanted
from appliance.indicators.files import MAX_BYTES, BadFile, lines
from appliance.indicators.refusals import Refusal
from appliance.indicators.values import Own, Refused, value_of


@dataclass(frozen=True, slots=True)
class Document:
    """A list as somebody gives it; its name tells CSV from plain text, and faults name it."""

    name: str
    content: bytes


@dataclass(slots=True)
class Read:
    """What lists say; `broken` are those of which nothing can be read. Faults are told in `language`."""

    wanted: list[Wanted] = field(default_factory=list)
    refused: list[Fault] = field(default_factory=list)
    broken: list[Fault] = field(default_factory=list)
    language: str = "pl"

    @property
    def useless(self) -> bool:
        """Say whether nothing of them may be taken: one is broken, or none has a value."""
        return bool(self.broken) or not self.wanted

    @property
    def faults(self) -> list[Fault]:
        """Every fault."""
        return [*self.broken, *self.refused]


def read(files: Iterable[Path], own: Own, comment: str, ends: int | None, language: str = "pl") -> Read:
    """Read files; `comment` and `ends` (microseconds) are for values that tell none. The earlier end counts.

    Faults are told in a language.
    """
    found = Read(language=language)
    for file in files:
        try:
            with file.open("rb") as stream:
                document = Document(str(file), stream.read(MAX_BYTES + 1))
        except OSError as error:
            found.broken.append(Fault(str(file), 1, Refusal("unread", fault=error.strerror).said(language)))
            continue
        _add(found, document, own, comment, ends)
    return found


def read_sent(documents: Iterable[Document], own: Own, comment: str, ends: int | None, language: str = "pl") -> Read:
    """Read documents as `read` reads files."""
    found = Read(language=language)
    for document in documents:
        _add(found, document, own, comment, ends)
    return found


def _add(found: Read, document: Document, own: Own, comment: str, ends: int | None) -> None:
    try:
        told = lines(document.content, document.name)
    except BadFile as error:
        found.broken.append(Fault(document.name, error.line, error.said(found.language)))
        return
    for one in told:
        try:
            value = value_of(one.text, own, one.hint)
        except Refused as error:
            why = Refusal("line", text=one.text[:80], why=error.said(found.language)).said(found.language)
            found.refused.append(Fault(document.name, one.number, why))
            continue
        moments = [at for at in (one.expires_at, ends) if at is not None]
        found.wanted.append(Wanted(value, one.comment or comment, min(moments, default=None)))
