"""The start page as data: reads `dashboards/*.yml` strictly into values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from appliance import plainyaml

Kind = Literal["queue", "strip", "stations", "watch", "ledger"]
KINDS: frozenset[str] = frozenset({"queue", "strip", "stations", "watch", "ledger"})
LAYOUTS = frozenset({"single", "two", "three", "main-aside"})
SERIES = 3
"""A strip has this many greys, so this many series."""


class DashboardError(ValueError):
    """A dashboard file cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Series:
    """One grey of a strip: a catalogue key and a query."""

    name: str
    query: str


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """One panel as its file asks for it."""

    id: str
    kind: str
    title: str
    limit: int = 20
    hours: int = 24
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class RowSpec:
    """Panels side by side."""

    layout: str
    panels: tuple[PanelSpec, ...]


@cache
def dashboard(name: str) -> tuple[RowSpec, ...]:
    """Return the rows of a shipped dashboard."""
    return parse(files("dashboards").joinpath(f"{name}.yml").read_text("utf-8"), f"dashboards/{name}.yml")


def parse(text: str, place: str) -> tuple[RowSpec, ...]:
    """Read a dashboard. Raises DashboardError."""
    try:
        data = plainyaml.load(text)
        rows = tuple(_row(row) for row in data["rows"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DashboardError(f"{place}: {error}") from error
    ids = [panel.id for row in rows for panel in row.panels]
    if len(ids) != len(set(ids)):
        raise DashboardError(f"{place}: two panels have one id")
    return rows


def _row(data: Mapping[str, Any]) -> RowSpec:
    _known(data, {"layout", "panels"})
    if data["layout"] not in LAYOUTS:
        raise ValueError(f"layout {data['layout']} is unknown")
    return RowSpec(data["layout"], tuple(_panel(panel) for panel in data["panels"]))


def _panel(data: Mapping[str, Any]) -> PanelSpec:
    _known(data, {"id", "kind", "title", "limit", "hours", "series"})
    if data["kind"] not in KINDS:
        raise ValueError(f"kind {data['kind']} is unknown")
    series = tuple(Series(one["name"], one["query"]) for one in data.get("series", ()))
    limit, hours = int(data.get("limit", 20)), int(data.get("hours", 24))
    if not (1 <= limit <= 200 and 1 <= hours <= 24 and len(series) <= SERIES):
        raise ValueError(f"{data['id']}: limit 1–200, hours 1–24, at most {SERIES} series")
    return PanelSpec(str(data["id"]), data["kind"], data["title"], limit, hours, series)


def _known(data: Mapping[str, Any], names: set[str]) -> None:
    strange = set(data) - names
    if strange:
        raise ValueError(f"unknown: {', '.join(sorted(strange))}")
