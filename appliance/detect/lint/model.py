"""What the lint says: findings with a stable code, a place and the values that fill their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from appliance.detect.yamldoc import Document


class Level(StrEnum):
    """How bad a finding is. An error means that the rule does not do what its author meant."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "R01": Level.ERROR,  # cannot be loaded
        "R02": Level.ERROR,  # the condition can never be true
        "R03": Level.ERROR,  # the condition is always true
        "R04": Level.WARNING,  # can be true only where a field holds several values
        "R05": Level.WARNING,  # one search identifier can never be true
        "R06": Level.WARNING,  # no source feeds the rule
        "R07": Level.ERROR,  # no event of its log source can satisfy it
        "R08": Level.WARNING,  # nothing positive is asked: decided on every event of its log source
        "R09": Level.WARNING,  # the same condition as another rule
        "R10": Level.WARNING,  # an identifier that the condition does not use
        "R11": Level.ERROR,  # a timeframe, which Sigma 2 does not have: its value is a keyword
        "R12": Level.WARNING,  # a field that looks like another, which the log source has
        "R13": Level.ERROR,  # `expand` without a placeholder
        "R20": Level.WARNING,  # a lone * where `exists` is meant
        "R21": Level.NOTE,  # a wildcard at the end of a value where a modifier says the same
        "R22": Level.WARNING,  # a text that looks like a regular expression
        "R23": Level.NOTE,  # a regular expression that a modifier can say
        "R24": Level.NOTE,  # a regular expression that minds case on Windows
        "R25": Level.NOTE,  # `cased` on a field whose case Windows does not keep
        "R26": Level.WARNING,  # a value that stands twice in one list
        "R27": Level.WARNING,  # a value without quotes that YAML reads as another text
        "R28": Level.ERROR,  # a path with a `*` that its backslash makes an ordinary sign
        "R29": Level.WARNING,  # quotes of a word processor, which belong to the value
        "R30": Level.WARNING,  # no id
        "R31": Level.WARNING,  # no level
        "R32": Level.WARNING,  # no status
        "R33": Level.WARNING,  # no tags
        "R34": Level.NOTE,  # no date
        "R40": Level.ERROR,  # a filter that keeps what it names and hides all else
        "R41": Level.ERROR,  # a filter that hides nothing
        "R42": Level.WARNING,  # a correlation with a rule that no source feeds
    }
)
"""Code → level. `docs/lint.md` explains each, the catalogue holds its text under `lint.<code>`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; lines count from 1. `values` fill the text of the code."""

    file: str
    line: int
    code: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """How bad it is."""
        return LEVELS[self.code]

    @property
    def place(self) -> tuple[str, int, str]:
        """What findings are ordered by."""
        return self.file, self.line, self.code


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule as it is written: the file's name and one YAML document of it."""

    file: str
    document: Document

    def finding(self, code: str, *path: str, **values: str) -> Finding:
        """A finding at the key at `path`, or at the deepest part of the path that is there."""
        return Finding(self.file, self.document.line_of(*path), code, values)
