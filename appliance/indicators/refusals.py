"""Why a line or a file of indicators is not taken, in both languages."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from appliance.language.catalogue import Catalogue, load

CATALOGUE = Path(__file__).parent / "catalogue" / "refusals.yml"


class Refusal(ValueError):
    """Something cannot be taken. `code` names its text in the catalogue, `values` fill it; as a text it is Polish."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values

    def __str__(self) -> str:
        return self.said("pl")

    def said(self, language: str) -> str:
        """Return why, in a language."""
        values: dict[str, Any] = {
            name: kind_name(value, language) if isinstance(value, StrEnum) else value
            for name, value in self.values.items()
        }
        return texts().text(f"refused.{self.code}", language, **values)


def kind_name(kind: StrEnum, language: str) -> str:
    """Return what a kind of indicators is called."""
    return texts().text(f"kind.{kind.value}", language)


@cache
def texts() -> Catalogue:
    """Return the catalogue."""
    return load([CATALOGUE])
