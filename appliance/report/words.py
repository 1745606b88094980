"""The words of reports."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from appliance.language.catalogue import Catalogue, load
from appliance.language.numbers import number
from appliance.language.typography import bind_spaces


@cache
def catalogue() -> Catalogue:
    """Return the reports' catalogue; it is read once."""
    return load(sorted((Path(__file__).parent / "catalogue").glob("*.yml")))


class Words:
    """The texts of one language, with numbers and non-breaking spaces in place."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text of the catalogue."""
        return bind_spaces(catalogue().text(key, self.language, **values), self.language)

    def counted(self, key: str, count: int) -> str:
        """Return a text that counts, in the form that fits the count."""
        text = catalogue().text(key, self.language, count=count, n=number(count, self.language))
        return bind_spaces(text, self.language)

    def some(self, names: Sequence[str], count: int) -> str:
        """Return names for a sentence or a cell; where there are more than these, how many there are in all."""
        told = ", ".join(names)
        return told if count <= len(names) else self("report.some", names=told, n=number(count, self.language))
