"""The lint of texts: rules L01–L22 of the style guide as pure functions over one entry or one card."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from appliance.language.lint import marks, shape, words
from appliance.language.lint.model import Entry, Finding, Kind, entry

RULES: dict[str, Callable[[Entry], list[Finding]]] = {
    "L01": marks.l01,
    "L02": marks.l02,
    "L03": marks.l03,
    "L04": marks.l04,
    "L05": words.l05,
    "L06": words.l06,
    "L07": words.l07,
    "L08": words.l08,
    "L09": words.l09,
    "L10": words.l10,
    "L11": words.l11,
    "L12": shape.l12,
    "L13": words.l13,
    "L14": shape.l14,
    "L15": shape.l15,
    "L16": shape.l16,
    "L17": marks.l17,
    "L20": words.l20,
    "L21": words.l21,
    "L22": shape.l22,
}
"""Every rule over one entry. L18 and L19 look at a whole card: `cards.lint_shape`."""


def lint(items: Iterable[Entry]) -> list[Finding]:
    """Return every finding of every rule, in the order of the entries."""
    return [finding for item in items for rule in RULES.values() for finding in rule(item)]


__all__ = ["RULES", "Entry", "Finding", "Kind", "entry", "lint"]
