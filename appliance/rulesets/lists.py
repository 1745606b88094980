"""The lists behind placeholders as an office has them: its files, what ships, and its indicators."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from appliance.detect.lists import shipped_lists
from appliance.detect.modifiers import Lists


def joined(of_office: Lists, indicators: Lists) -> Lists:
    """Return the lists of an office's files with its indicators; these come beside what a list has, or what ships."""
    shipped = shipped_lists()
    found = dict(of_office)
    for name, values in indicators.items():
        if values:
            found[name] = tuple(dict.fromkeys((*found.get(name, shipped.get(name, ())), *values)))
    return found


def list_marks(of_office: Lists, grown: Mapping[str, int]) -> dict[str, str]:
    """Return for each list a text that is another when its file changes, or a value has come to its indicators."""
    listed = {**shipped_lists(), **of_office}
    return {name: f"{_digest(listed.get(name, ()))}:{grown.get(name, 0)}" for name in {*listed, *grown}}


def _digest(values: Sequence[str]) -> str:
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()
