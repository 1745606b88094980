"""What is wrong with a query, where, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from appliance import plainyaml

_MESSAGES = Path(__file__).with_name("messages.yml")


class QueryError(ValueError):
    """A query cannot be understood or is past a bound.

    `position` counts characters from 0. `key` names the message in messages.yml, `values` fill its placeholders.
    """

    def __init__(self, position: int, key: str, **values: str) -> None:
        super().__init__(key)
        self.position = position
        self.key = key
        self.values: Mapping[str, str] = values

    def __str__(self) -> str:
        return self.located("en")

    def describe(self, language: Literal["pl", "en"] = "pl") -> str:
        """Return what is wrong, without the position, as plain text (not escaped for HTML)."""
        return messages()[self.key][language].format_map(self.values)

    def located(self, language: Literal["pl", "en"] = "pl") -> str:
        """Return what is wrong and its column, counted from 1, as plain text."""
        values = {"opis": self.describe(language), "kolumna": str(self.position + 1)}
        return messages()["located"][language].format_map(values)


@cache
def messages() -> dict[str, dict[str, str]]:
    """Return the texts of the errors: key → language → text with placeholders."""
    loaded: dict[str, dict[str, str]] = plainyaml.load(_MESSAGES.read_text("utf-8"))
    return loaded
