"""What a check of the cluster found, in words of both languages, and the last answer as it is kept for the pages.

Apart from the check, so that who shows it needs no client of the cluster.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from appliance.language.catalogue import Catalogue, load
from appliance.language.numbers import number, size
from appliance.store.classes import shipped

AWAY = "away"
_NEAR = frozenset({"disk_near"})
"""Codes of what will hurt soon."""
_SIZES = frozenset({"free", "total", "left"})
_LONGEST = 1 << 20
"""Bytes of a kept answer that are read."""
Value = str | int


class Weight(StrEnum):
    """What a finding means."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the cluster: a key of the catalogue and what fills it; sizes in bytes, a class by its id."""

    weight: Weight
    code: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def text(self, lang: str) -> str:
        """Return the sentence."""
        return self._filled(self.code, lang)

    def advice(self, lang: str) -> str:
        """Return what to do, "" when there is nothing to do."""
        return self._filled(f"{self.code}.do", lang) if f"{self.code}.do" in words() else ""

    def _filled(self, key: str, lang: str) -> str:
        values: dict[str, Any] = {name: _written(name, value, lang) for name, value in self.values.items()}
        return words().text(key, lang, **values)


def _written(name: str, value: Value, lang: str) -> str:
    if isinstance(value, str):
        return shipped().name(value, lang) if name == "source_class" else value
    return size(value, lang) if name in _SIZES else number(value, lang)


@cache
def words() -> Catalogue:
    """Return the catalogue of what is said of a cluster, read once."""
    return load(sorted((Path(__file__).parents[1] / "catalogue").glob("*.yml")))


@dataclass(frozen=True, slots=True)
class Watched:
    """The last answer: when it was asked for, and since when the cluster is away (microseconds, None: it is not)."""

    at: int
    away_since: int | None
    findings: tuple[Finding, ...]

    @property
    def alarm(self) -> Weight:
        """How much of it a person must know at once: what is wrong, and what will hurt soon."""
        if any(one.weight is Weight.BAD for one in self.findings):
            return Weight.BAD
        return Weight.WARN if any(one.code in _NEAR for one in self.findings) else Weight.GOOD

    @classmethod
    def load(cls, path: Path) -> Watched | None:
        """Return what was kept, None when there is nothing that can be read."""
        try:
            with path.open("rb") as file:
                told = json.loads(file.read(_LONGEST))
            found = [Finding(Weight(one["weight"]), str(one["code"]), dict(one["values"])) for one in told["findings"]]
            return cls(int(told["at"]), told["away_since"], tuple(one for one in found if one.code in words()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Keep it, whole or not at all. Raises OSError."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), "utf-8")
        part.replace(path)
