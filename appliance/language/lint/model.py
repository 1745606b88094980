"""What the lint reads and what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from appliance.language.typography import without_code


class Kind(StrEnum):
    """What a text is for; several rules hold only for some kinds."""

    MESSAGE = "message"
    LABEL = "label"
    BUTTON = "button"
    HEADING = "heading"
    LETTER = "letter"
    CARD = "card"
    NOTICE = "notice"
    SMS_GSM7 = "sms_gsm7"
    SMS_UCS2 = "sms_ucs2"
    LEGAL = "legal"


@dataclass(frozen=True, slots=True)
class Entry:
    """One text in both languages; a plural entry has several forms of each. `where` names file and line, for people."""

    key: str
    pl: tuple[str, ...]
    en: tuple[str, ...]
    kind: Kind
    plural: bool = False
    allowed: frozenset[str] | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule (`L01`–`L22`), the piece of text that breaks it, and where it stands."""

    rule: str
    text: str
    where: str

    def __str__(self) -> str:
        """Return one line for people: place, rule, text."""
        return f"{self.where}: {self.rule}: {self.text}"


_PLACEHOLDER = re.compile(r"\{([a-z0-9_]*)\}")


def entry(key: str, pl: str, en: str, kind: Kind) -> Entry:
    """Return an entry with one form in each language."""
    return Entry(key, (pl,), (en,), kind)


def found(rule: str, item: Entry, text: str) -> Finding:
    """Return the finding of a rule in an entry."""
    return Finding(rule, text.strip() or "(pusto)", f"{item.where or item.key} [{item.key}]")


def search(rule: str, item: Entry, pattern: re.Pattern[str], texts: tuple[str, ...] | None = None) -> list[Finding]:
    """Return a finding for each match of the pattern in the Polish forms, code and addresses left out."""
    forms = item.pl if texts is None else texts
    return [found(rule, item, match.group()) for form in forms for match in pattern.finditer(without_code(form))]


def placeholders(text: str) -> frozenset[str]:
    """Return the names in braces."""
    return frozenset(_PLACEHOLDER.findall(text))


def plain(text: str) -> str:
    """Return the text without code, and with each placeholder as one neutral word, for checks of words."""
    return _PLACEHOLDER.sub("□", without_code(text))
